#!/bin/sh
# Lambda's APIs at $PORT, and the function $NAME, which is the program $FUNCTION, beside them. The
# emulator works in $PROJECT.
set -eu
toolchain=${RUSTUP_TOOLCHAIN:-stable}
export RUSTUP_TOOLCHAIN="$toolchain" CARGO_NET_OFFLINE=true
cd "$PROJECT"
AWS_LAMBDA_RUNTIME_API="http://127.0.0.1:$PORT/.rt/$NAME" \
AWS_LAMBDA_FUNCTION_NAME="$NAME" AWS_LAMBDA_FUNCTION_VERSION=1 AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128 \
	sh -c 'while ! "$FUNCTION"; do sleep 0.1; done' &
exec "$EMULATOR" lambda watch --only-lambda-apis \
	--invoke-address 127.0.0.1 --invoke-port "$PORT"
