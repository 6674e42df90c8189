#!/usr/bin/env bash
# default-version.sh prints the version of programs that are built without one.
set -euo pipefail
sed -n 's/^const Default = "\(.*\)"$/\1/p' "$(dirname "$0")/../internal/buildversion/buildversion.go"
