#!/bin/sh
# The image's first process: the server, or with `cli …` the command line.
if [ "$1" = cli ]; then shift; exec /app/ops/bin/heliograph "$@"; fi
exec /app/node_modules/node/bin/node --enable-source-maps --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning /app/dist/apps/standalone/main.js
