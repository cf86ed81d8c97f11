# Every target sets up what it needs; nothing has to be done by hand before.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
ENGINE := .engines/sslyze/bin/python
API_ENGINE := .engines/schemathesis/bin/schemathesis
APPS := .engines/apps/bin/python
FORMATS := .engines/formats/readers/node_modules
DEMO := demo-out

# Compiled modules are kept: hundreds of tests start the program anew, and would compile it anew each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types walls coverage build smoke bundle docs bench matrix lock engines clean

help:  ## 列出全部目标
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

# ---- 安装 -------------------------------------------------------------------

$(VENV)/.run: requirements/run.txt pyproject.toml tools/setup.sh
	@tools/setup.sh run
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml tools/setup.sh
	@tools/setup.sh dev
	@touch $@ $(VENV)/.run

$(ENGINE): requirements/sslyze.txt tools/setup.sh
	@tools/setup.sh sslyze
	@touch $@

$(API_ENGINE): requirements/schemathesis.txt tools/setup.sh
	@tools/setup.sh schemathesis
	@touch $@

$(APPS): requirements/apps.txt tools/setup.sh
	@tools/setup.sh apps
	@touch $@

$(FORMATS): requirements/formats.txt requirements/schemas.txt requirements/readers/package-lock.json tools/setup.sh
	@tools/setup.sh formats
	@touch $@

engines: $(ENGINE) $(API_ENGINE)  ## 安装 sslyze、schemathesis 的独立环境

# ---- 新用户的两条命令 -------------------------------------------------------

demo: $(VENV)/.run $(ENGINE)  ## 演示：检测一家虚构医院，整改后复测，打印差异（结果在 demo-out/）
	$(BIN)/dengbao demo $(DEMO)

# Files of tests run side by side, long ones first (tests/conftest.py); within a file, in order. One process
# more than cores, since each of them waits for servers now and then.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
SIDE_BY_SIDE = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(VENV)/.dev $(ENGINE) $(API_ENGINE) $(APPS) $(FORMATS)  ## 运行全部测试
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

# ---- 开发 -------------------------------------------------------------------

check: lint types walls coverage docs-check smoke  ## 格式、静态检查、类型、墙、测试与覆盖率、文档、安装包

format: $(VENV)/.dev  ## 整理代码格式
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.dev  ## 代码检查
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev  ## 类型检查
	$(BIN)/mypy

walls: $(VENV)/.dev  ## 各房间之间的墙
	PYTHONPATH=. $(BIN)/lint-imports

coverage: $(VENV)/.dev $(ENGINE) $(API_ENGINE) $(APPS) $(FORMATS)  ## 测试并量覆盖率（src 与 checks 不低于 90 %）
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q $(SIDE_BY_SIDE)
	@# Children that tests kill leave broken data behind; what counts is the report below.
	-$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered --skip-empty | tail -40

matrix: $(VENV)/.dev $(ENGINE)  ## 打印 检查 × 情形 × 判定 全表
	$(BIN)/python tools/matrix.py

docs: $(VENV)/.dev  ## 生成参考文档
	$(BIN)/python tools/reference.py

.PHONY: docs-check
docs-check: $(VENV)/.dev
	$(BIN)/python tools/reference.py --check

build: $(VENV)/.dev  ## 构建安装包到 dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	@ls -l dist

smoke: build  ## 在仓库外的干净环境中安装并运行安装包
	tools/smoke.sh

bundle: build  ## 离线安装包（含全部依赖与校验和）
	tools/bundle.sh

bench: $(VENV)/.dev $(ENGINE)  ## 量性能，写入 benchmarks/README.md
	$(BIN)/python -m benchmarks

lock: $(VENV)/.dev  ## 重新锁定依赖（含散列，不含索引地址）
	tools/lock.sh

clean:  ## 删除生成物
	rm -rf dist build bundle $(DEMO) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache
