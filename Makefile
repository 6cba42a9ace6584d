# Chores. `go test ./...` is the one test command and .ci/run the gate; nothing here is needed to build or to test.

.PHONY: check fmt generate lock outputs picture

check: ## the whole gate
	.ci/run

fmt: ## format as the gate wants it
	cd _tools && go build -o ../.bin/ mvdan.cc/gofumpt
	git ls-files '*.go' ':!*/testdata/*' | xargs .bin/gofumpt -w

generate: ## remake generated files
	go generate ./...

compile = uv pip compile --universal --python-version 3.11 --generate-hashes --no-build \
	--no-header --no-annotate --no-emit-index-url

lock: ## resolve the lists of Python packages anew for every platform, with the hashes of every file (needs uv from PyPI)
	$(compile) install/lock/lab.in -o install/lock/lab.txt
	$(compile) install/installtest/lock/hosts.in -c install/lock/lab.txt -o install/installtest/lock/hosts.txt
	$(compile) install/installtest/lock/engines.in -o install/installtest/lock/engines.txt

outputs: ## store what the notebooks that come with outputs show, measured anew (a quiet machine; about two minutes)
	dir=$$(mktemp -d) && for n in $$(grep -l '"keep_output": true' notebooks/*.ipynb); do \
		DLAS_STORE=$$dir go run ./cmd/dlas nb run --write $$n || exit; done; rm -rf $$dir

picture: ## the README's picture: the quickstart in JupyterLab (needs Python and Chromium)
	dir=$$(mktemp -d) && DLAS_PICTURES=$$dir go test -count=1 -run TestQuickstartInJupyterLab ./notebooks && \
		mkdir -p docs && mv $$dir/quickstart.png docs/
