#!/bin/sh
# The image's first process: with `api`, `projector` or `worker` that part, with `cli …` the command line, else all parts in one.
part=standalone
case "$1" in
  cli) shift; exec /app/ops/bin/heliograph "$@" ;;
  api|projector|worker) part=$1 ;;
esac
exec /app/node_modules/node/bin/node --enable-source-maps --max-semi-space-size=16 --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning "/app/dist/apps/$part/main.js"
