//! The peer in Rust: async-graphql, with a loader for each relation and request.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use async_graphql::dataloader::{DataLoader, Loader};
use async_graphql::{
    ComplexObject, Context, EmptyMutation, EmptySubscription, Enum, InputObject, InputValueError,
    InputValueResult, Object, Result, Scalar, ScalarType, Schema, SimpleObject, Value,
};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::{extract::State, routing::post, Router};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres::{types::ToSql, NoTls, Row};

/// Rows of one certificate number that are shown.
const TWICE: usize = 2;

static QUERIES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let text = include_str!("../../queries.sql");
    let parts = text
        .split("\n-- ")
        .filter_map(|part| part.split_once(" --\n"));
    parts.collect()
});

type Text = Option<String>;
type Failure = Arc<dyn std::error::Error + Send + Sync>;

async fn ask(pool: &Pool, name: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Failure> {
    let client = pool
        .get()
        .await
        .map_err(|error| Arc::new(error) as Failure)?;
    let statement = client
        .prepare_cached(QUERIES[name])
        .await
        .map_err(|error| Arc::new(error) as Failure)?;
    client
        .query(&statement, values)
        .await
        .map_err(|error| Arc::new(error) as Failure)
}

fn failed(error: Failure) -> async_graphql::Error {
    async_graphql::Error::new(error.to_string())
}

struct CreditCode(String);

#[Scalar]
impl ScalarType for CreditCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

#[derive(Clone, SimpleObject)]
struct Subject {
    name: Text,
}

#[derive(Clone, SimpleObject)]
struct Officer {
    name: Text,
    unit_name: Text,
}

#[derive(Clone, SimpleObject)]
struct Listing {
    kind: Text,
    listed_on: Text,
    reason: Text,
}

#[derive(Clone, SimpleObject)]
#[graphql(complex)]
struct CaseRecord {
    case_no: Text,
    title: Text,
    act_type: Text,
    status: Text,
    subject_code: Text,
    division: Text,
    filed_on: Text,
    decided_on: Text,
    counterparty_name: Text,
    counterparty_kind: Text,
    fine: Text,
    document_no: Text,
    matter_code: Text,
    #[graphql(skip)]
    officer_certificates: Vec<String>,
}

#[derive(Clone, SimpleObject)]
#[graphql(complex)]
struct Counterparty {
    code: Text,
    name: Text,
    kind: Text,
    industry: Text,
    status: Text,
    register_id: Text,
    registration_no: Text,
    division: Text,
}

#[derive(SimpleObject)]
struct CaseGroup {
    subject_code: Text,
    month: Text,
    count: i32,
}

#[derive(SimpleObject)]
struct CaseStatistics {
    groups: Vec<CaseGroup>,
}

#[derive(SimpleObject)]
struct CounterpartyConnection {
    nodes: Vec<Counterparty>,
}

#[derive(SimpleObject)]
struct CaseRecordConnection {
    nodes: Vec<CaseRecord>,
}

#[derive(SimpleObject)]
struct ListingConnection {
    nodes: Vec<Listing>,
}

impl From<&Row> for Counterparty {
    fn from(row: &Row) -> Self {
        Self {
            code: row.get(0),
            name: row.get(1),
            kind: row.get(2),
            industry: row.get(3),
            status: row.get(4),
            register_id: row.get(5),
            registration_no: row.get(6),
            division: row.get(7),
        }
    }
}

impl From<&Row> for CaseRecord {
    fn from(row: &Row) -> Self {
        Self {
            case_no: row.get(0),
            title: row.get(1),
            act_type: row.get(2),
            status: row.get(3),
            subject_code: row.get(4),
            division: row.get(5),
            filed_on: row.get(6),
            decided_on: row.get(7),
            counterparty_name: row.get(8),
            counterparty_kind: row.get(9),
            fine: row.get(10),
            document_no: row.get(11),
            matter_code: row.get(12),
            officer_certificates: row.get::<_, Option<Vec<String>>>(13).unwrap_or_default(),
        }
    }
}

impl From<&Row> for Listing {
    fn from(row: &Row) -> Self {
        Self {
            kind: row.get(0),
            listed_on: row.get(1),
            reason: row.get(2),
        }
    }
}

impl From<&Row> for Subject {
    fn from(row: &Row) -> Self {
        Self { name: row.get(0) }
    }
}

impl From<&Row> for Officer {
    fn from(row: &Row) -> Self {
        Self {
            name: row.get(0),
            unit_name: row.get(1),
        }
    }
}

type Page = (String, i32);

/// Rows by key: the statement's name, and where the key stands in a row.
struct Rows<T> {
    pool: Pool,
    name: &'static str,
    of: usize,
    made: fn(&Row) -> T,
}

impl<T: Clone + Send + Sync + 'static> Loader<String> for Rows<T> {
    type Value = Vec<T>;
    type Error = Failure;

    async fn load(&self, keys: &[String]) -> Result<HashMap<String, Vec<T>>, Failure> {
        let mut found: HashMap<String, Vec<T>> = HashMap::new();
        for row in ask(&self.pool, self.name, &[&keys]).await? {
            found
                .entry(row.get(self.of))
                .or_default()
                .push((self.made)(&row));
        }
        Ok(found)
    }
}

impl<T: Clone + Send + Sync + 'static> Loader<Page> for Rows<T> {
    type Value = Vec<T>;
    type Error = Failure;

    async fn load(&self, keys: &[Page]) -> Result<HashMap<Page, Vec<T>>, Failure> {
        let mut codes: BTreeMap<i32, Vec<&str>> = BTreeMap::new();
        for (code, first) in keys {
            codes.entry(*first).or_default().push(code);
        }
        let mut found: HashMap<Page, Vec<T>> = HashMap::new();
        for (first, some) in codes {
            for row in ask(&self.pool, self.name, &[&some, &i64::from(first)]).await? {
                found
                    .entry((row.get(self.of), first))
                    .or_default()
                    .push((self.made)(&row));
            }
        }
        Ok(found)
    }
}

type Loading<T> = DataLoader<Rows<T>>;

fn loading<T: Clone + Send + Sync + 'static + for<'r> From<&'r Row>>(
    pool: &Pool,
    name: &'static str,
    of: usize,
) -> Loading<T> {
    DataLoader::new(
        Rows {
            pool: pool.clone(),
            name,
            of,
            made: |row| T::from(row),
        },
        tokio::spawn,
    )
}

#[ComplexObject]
impl CaseRecord {
    async fn subject(&self, context: &Context<'_>) -> Result<Option<Subject>> {
        let Some(code) = &self.subject_code else {
            return Ok(None);
        };
        let found = context
            .data_unchecked::<Loading<Subject>>()
            .load_one(code.clone())
            .await;
        Ok(found
            .map_err(failed)?
            .and_then(|rows| rows.into_iter().next()))
    }

    async fn officers(&self, context: &Context<'_>) -> Result<Vec<Officer>> {
        let loader = context.data_unchecked::<Loading<Officer>>();
        let mut found = loader
            .load_many(self.officer_certificates.clone())
            .await
            .map_err(failed)?;
        let mut given = Vec::new();
        for one in &self.officer_certificates {
            given.extend(
                found
                    .remove(one)
                    .unwrap_or_default()
                    .into_iter()
                    .take(TWICE),
            );
        }
        Ok(given)
    }
}

#[ComplexObject]
impl Counterparty {
    async fn cases(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
    ) -> Result<CaseRecordConnection> {
        let Some(code) = &self.code else {
            return Ok(CaseRecordConnection { nodes: Vec::new() });
        };
        let found = context
            .data_unchecked::<Loading<CaseRecord>>()
            .load_one((code.clone(), first))
            .await;
        Ok(CaseRecordConnection {
            nodes: found.map_err(failed)?.unwrap_or_default(),
        })
    }

    async fn listings(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
    ) -> Result<ListingConnection> {
        let Some(code) = &self.code else {
            return Ok(ListingConnection { nodes: Vec::new() });
        };
        let found = context
            .data_unchecked::<Loading<Listing>>()
            .load_one((code.clone(), first))
            .await;
        Ok(ListingConnection {
            nodes: found.map_err(failed)?.unwrap_or_default(),
        })
    }
}

#[derive(Clone, Copy, Enum, Eq, PartialEq)]
enum ListingKind {
    SeriousDishonesty,
    AbnormalOperation,
    DishonestJudgmentDebtor,
    KeyAttention,
}

impl ListingKind {
    fn text(self) -> &'static str {
        match self {
            Self::SeriousDishonesty => "SERIOUS_DISHONESTY",
            Self::AbnormalOperation => "ABNORMAL_OPERATION",
            Self::DishonestJudgmentDebtor => "DISHONEST_JUDGMENT_DEBTOR",
            Self::KeyAttention => "KEY_ATTENTION",
        }
    }
}

#[derive(Clone, Copy, Enum, Eq, Ord, PartialEq, PartialOrd)]
enum CaseGrouping {
    Subject,
    Month,
}

#[derive(InputObject)]
struct ListingKindFilter {
    eq: ListingKind,
}

#[derive(InputObject)]
struct ListingFilter {
    kind: ListingKindFilter,
}

#[derive(InputObject)]
struct CounterpartyFilter {
    listings: ListingFilter,
}

#[derive(InputObject)]
struct DateFilter {
    gte: Text,
    present: Option<bool>,
}

#[derive(InputObject)]
struct TextFilter {
    eq: String,
}

#[derive(InputObject)]
struct NotFilter {
    document_no: TextFilter,
}

#[derive(InputObject)]
struct CaseFilter {
    filed_on: DateFilter,
    archived_on: DateFilter,
    not: NotFilter,
}

struct Query;

#[Object]
impl Query {
    async fn counterparty(
        &self,
        context: &Context<'_>,
        code: CreditCode,
    ) -> Result<Option<Counterparty>> {
        let rows = ask(context.data_unchecked(), "counterparty", &[&code.0])
            .await
            .map_err(failed)?;
        Ok(rows.first().map(Counterparty::from))
    }

    async fn counterparties(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
        #[graphql(name = "where")] filter: CounterpartyFilter,
    ) -> Result<CounterpartyConnection> {
        let kind = filter.listings.kind.eq.text();
        let values: [&(dyn ToSql + Sync); 2] = [&kind, &i64::from(first)];
        let rows = ask(context.data_unchecked(), "listed_counterparties", &values)
            .await
            .map_err(failed)?;
        Ok(CounterpartyConnection {
            nodes: rows.iter().map(Counterparty::from).collect(),
        })
    }

    async fn case_records(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20)] first: i32,
    ) -> Result<CaseRecordConnection> {
        let rows = ask(
            context.data_unchecked(),
            "latest_cases",
            &[&i64::from(first)],
        )
        .await
        .map_err(failed)?;
        Ok(CaseRecordConnection {
            nodes: rows.iter().map(CaseRecord::from).collect(),
        })
    }

    async fn case_statistics(
        &self,
        context: &Context<'_>,
        by: Vec<CaseGrouping>,
        #[graphql(name = "where")] filter: CaseFilter,
    ) -> Result<CaseStatistics> {
        // Both groupings, as the question asks; no other form is served.
        debug_assert_eq!(by.into_iter().collect::<BTreeSet<_>>().len(), 2);
        let rows = ask(
            context.data_unchecked(),
            "statistics",
            &[&filter.filed_on.gte],
        )
        .await
        .map_err(failed)?;
        let groups = rows.iter().map(|row| CaseGroup {
            subject_code: row.get(0),
            month: row.get(1),
            count: row.get(2),
        });
        Ok(CaseStatistics {
            groups: groups.collect(),
        })
    }
}

type Graph = Schema<Query, EmptyMutation, EmptySubscription>;

async fn answer(
    State((graph, pool)): State<(Graph, Pool)>,
    request: GraphQLRequest,
) -> GraphQLResponse {
    let asked = request
        .into_inner()
        .data(loading::<CaseRecord>(&pool, "cases_of", 14))
        .data(loading::<Listing>(&pool, "listings_of", 3))
        .data(loading::<Subject>(&pool, "subjects", 1))
        .data(loading::<Officer>(&pool, "officers", 2))
        .data(pool);
    graph.execute(asked).await.into()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config: tokio_postgres::Config = std::env::var("PEER_DATABASE")?.parse()?;
    config.options("-c search_path=graph");
    let kept = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let pool = Pool::builder(Manager::from_config(config, NoTls, kept))
        .max_size(8)
        .build()?;
    let graph = Schema::new(Query, EmptyMutation, EmptySubscription);
    let app = Router::new()
        .route("/graphql", post(answer))
        .with_state((graph, pool));
    let port: u16 = std::env::var("PEER_PORT")?.parse()?;
    axum::serve(
        tokio::net::TcpListener::bind(("127.0.0.1", port)).await?,
        app,
    )
    .await?;
    Ok(())
}
