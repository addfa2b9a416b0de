// The peer in Go: gqlgen's generated executor, a loader for each relation and request.
package main

import (
	"context"
	_ "embed"
	"log"
	"net/http"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/graph-gophers/dataloader/v7"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/vektah/gqlparser/v2/ast"

	"peer/graph"
	"peer/model"
)

const (
	// Rows of one certificate number that are shown.
	twice = 2
	// The library waits 16 ms unless told; resolvers of a level start together.
	wait = time.Millisecond
)

//go:embed queries.sql
var text string
var queries = statements(text)

func statements(text string) map[string]string {
	found := map[string]string{}
	head := regexp.MustCompile(`(?m)^-- (\w+) --$`)
	marks := head.FindAllStringSubmatchIndex(text, -1)
	for number, mark := range marks {
		end := len(text)
		if number+1 < len(marks) {
			end = marks[number+1][0]
		}
		found[text[mark[2]:mark[3]]] = text[mark[1]:end]
	}
	return found
}

func ask[T any](ctx context.Context, pool *pgxpool.Pool, name string, values ...any) ([]*T, error) {
	rows, err := pool.Query(ctx, queries[name], values...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[T])
}

type page struct {
	code  string
	first int32
}

type loaders struct {
	cases    *dataloader.Loader[page, []*model.CaseRecord]
	listings *dataloader.Loader[page, []*model.Listing]
	subjects *dataloader.Loader[string, []*model.Subject]
	officers *dataloader.Loader[string, []*model.Officer]
}

type inContext struct{}

func of(ctx context.Context) *loaders { return ctx.Value(inContext{}).(*loaders) }

func pages[T any](pool *pgxpool.Pool, name string, key func(*T) *string) *dataloader.Loader[page, []*T] {
	return dataloader.NewBatchedLoader(func(ctx context.Context, keys []page) []*dataloader.Result[[]*T] {
		codes := map[int32][]string{}
		for _, one := range keys {
			codes[one.first] = append(codes[one.first], one.code)
		}
		found := map[page][]*T{}
		for first, some := range codes {
			rows, err := ask[T](ctx, pool, name, some, first)
			if err != nil {
				return failed[page, []*T](keys, err)
			}
			for _, row := range rows {
				at := page{*key(row), first}
				found[at] = append(found[at], row)
			}
		}
		return inOrder(keys, found)
	}, dataloader.WithWait[page, []*T](wait))
}

func rows[T any](pool *pgxpool.Pool, name string, key func(*T) *string) *dataloader.Loader[string, []*T] {
	return dataloader.NewBatchedLoader(func(ctx context.Context, keys []string) []*dataloader.Result[[]*T] {
		all, err := ask[T](ctx, pool, name, keys)
		if err != nil {
			return failed[string, []*T](keys, err)
		}
		found := map[string][]*T{}
		for _, row := range all {
			found[*key(row)] = append(found[*key(row)], row)
		}
		return inOrder(keys, found)
	}, dataloader.WithWait[string, []*T](wait))
}

func inOrder[K comparable, V any](keys []K, found map[K]V) []*dataloader.Result[V] {
	given := make([]*dataloader.Result[V], len(keys))
	for at, key := range keys {
		given[at] = &dataloader.Result[V]{Data: found[key]}
	}
	return given
}

func failed[K comparable, V any](keys []K, err error) []*dataloader.Result[V] {
	given := make([]*dataloader.Result[V], len(keys))
	for at := range keys {
		given[at] = &dataloader.Result[V]{Error: err}
	}
	return given
}

type root struct{ pool *pgxpool.Pool }

func (r root) Query() graph.QueryResolver               { return query(r) }
func (r root) Counterparty() graph.CounterpartyResolver { return party(r) }
func (r root) CaseRecord() graph.CaseRecordResolver     { return caseRecord(r) }

type query root

func limit(first *int32) int32 {
	if first == nil {
		return 20
	}
	return *first
}

func (q query) Counterparty(ctx context.Context, code string) (*model.Counterparty, error) {
	found, err := ask[model.Counterparty](ctx, q.pool, "counterparty", code)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (q query) Counterparties(ctx context.Context, first *int32, where model.CounterpartyFilter) (*model.CounterpartyConnection, error) {
	found, err := ask[model.Counterparty](ctx, q.pool, "listed_counterparties", where.Listings.Kind.Eq.String(), limit(first))
	return &model.CounterpartyConnection{Nodes: found}, err
}

func (q query) CaseRecords(ctx context.Context, first *int32) (*model.CaseRecordConnection, error) {
	found, err := ask[model.CaseRecord](ctx, q.pool, "latest_cases", limit(first))
	return &model.CaseRecordConnection{Nodes: found}, err
}

func (q query) CaseStatistics(ctx context.Context, by []model.CaseGrouping, where model.CaseFilter) (*model.CaseStatistics, error) {
	found, err := ask[model.CaseGroup](ctx, q.pool, "statistics", where.FiledOn.Gte)
	return &model.CaseStatistics{Groups: found}, err
}

type party root

func (p party) Cases(ctx context.Context, obj *model.Counterparty, first *int32) (*model.CaseRecordConnection, error) {
	if obj.Code == nil {
		return &model.CaseRecordConnection{Nodes: []*model.CaseRecord{}}, nil
	}
	found, err := of(ctx).cases.Load(ctx, page{*obj.Code, limit(first)})()
	return &model.CaseRecordConnection{Nodes: slices.Clip(found)}, err
}

func (p party) Listings(ctx context.Context, obj *model.Counterparty, first *int32) (*model.ListingConnection, error) {
	if obj.Code == nil {
		return &model.ListingConnection{Nodes: []*model.Listing{}}, nil
	}
	found, err := of(ctx).listings.Load(ctx, page{*obj.Code, limit(first)})()
	return &model.ListingConnection{Nodes: slices.Clip(found)}, err
}

type caseRecord root

func (c caseRecord) Subject(ctx context.Context, obj *model.CaseRecord) (*model.Subject, error) {
	if obj.SubjectCode == nil {
		return nil, nil
	}
	found, err := of(ctx).subjects.Load(ctx, *obj.SubjectCode)()
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (c caseRecord) Officers(ctx context.Context, obj *model.CaseRecord) ([]*model.Officer, error) {
	found, errs := of(ctx).officers.LoadMany(ctx, obj.OfficerCertificates)()
	given := []*model.Officer{}
	for _, some := range found {
		given = append(given, some[:min(len(some), twice)]...)
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return given, nil
}

func main() {
	config, err := pgxpool.ParseConfig(os.Getenv("PEER_DATABASE"))
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = 8
	config.ConnConfig.RuntimeParams["search_path"] = "graph"
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	server := handler.New(graph.NewExecutableSchema(graph.Config{Resolvers: root{pool}}))
	server.AddTransport(transport.POST{})
	server.SetQueryCache(lru.New[*ast.QueryDocument](1000))
	http.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) {
		made := &loaders{
			cases:    pages(pool, "cases_of", func(row *model.CaseRecord) *string { return row.Of }),
			listings: pages(pool, "listings_of", func(row *model.Listing) *string { return row.Of }),
			subjects: rows(pool, "subjects", func(row *model.Subject) *string { return row.Of }),
			officers: rows(pool, "officers", func(row *model.Officer) *string { return row.Of }),
		}
		server.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), inContext{}, made)))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PEER_PORT"), nil))
}
