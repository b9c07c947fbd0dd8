# shellcheck shell=bash
# Shared steps of the findings. Source it first: it makes the temporary folder and removes it at exit.
#
# Exit codes of a finding: 0 the behaviour is as stated, 1 it has changed, 2 the packages could not be installed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
children=()
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1

cleanup() {
  local pid
  for pid in "${children[@]}"; do stop "$pid"; done
  rm -rf "$tmp"
}
trap cleanup EXIT

cannot() { echo "NOT RUN: $*" >&2; exit 2; }

need() {
  local program
  for program in "$@"; do command -v "$program" >/dev/null || cannot "$program is not installed"; done
}

# Install Python packages (name==version) into $tmp/venv.
pips() {
  need python3
  [ -d "$tmp/venv" ] || python3 -m venv "$tmp/venv"
  "$tmp/venv/bin/pip" -q --disable-pip-version-check install "$@" >"$tmp/pip.log" 2>&1 || cannot "pip install $*"
  echo "versions: $*"
}

# Install npm packages (name@version) into $tmp/node_modules.
npms() {
  need node npm
  npm --prefix "$tmp" install --silent --no-audit --no-fund "$@" >"$tmp/npm.log" 2>&1 || cannot "npm install $*"
  echo "versions: $*"
}

# Install Go programs (module@version) into $tmp/bin.
gos() {
  need go
  local module
  for module in "$@"; do
    GOBIN=$tmp/bin nice go install "$module" >"$tmp/go.log" 2>&1 || cannot "go install $module"
  done
  echo "versions: $*"
}

# Build the Go program $tmp/NAME/main.go into $tmp/NAME/NAME, with modules (module@version).
gobuild() {
  need go
  local name=$1
  shift
  (cd "$tmp/$name" && go mod init "$name" && go mod edit "${@/#/-require=}" && nice go mod tidy && nice go build -o "$name" .) \
    >"$tmp/go.log" 2>&1 || cannot "go build with $*"
  echo "versions: $*, $(go env GOVERSION)"
}

# Unpack Debian packages (name=version) into $tmp/unpacked, without installing them.
debs() {
  need apt-get dpkg
  mkdir -p "$tmp/debs"
  (cd "$tmp/debs" && apt-get -q download "$@" >"$tmp/apt.log" 2>&1) || cannot "apt-get download $* (try apt-get update)"
  local file
  for file in "$tmp"/debs/*.deb; do dpkg -x "$file" "$tmp/unpacked"; done
  echo "versions: $*"
}

# Run a program from the unpacked Debian packages with their libraries.
deb_run() { env LD_LIBRARY_PATH="$tmp/unpacked/usr/lib/$(uname -m)-linux-gnu" "$@"; }

# Print a free port on loopback.
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Start a program in a process group of its own; its output goes to $tmp/NAME.log and its id to $pid.
start() {
  local name=$1
  shift
  setsid "$@" >"$tmp/$name.log" 2>&1 &
  pid=$!
  disown "$pid"
  children+=("$pid")
}

# End a program that was started here, and every process of its group.
stop() {
  while kill -KILL -- "-$1" 2>/dev/null; do sleep 0.02; done
}

# Wait until a port on loopback takes connections.
wait_port() {
  python3 "$here/wait_port.py" "$1" || { cat "$tmp"/*.log >&2; cannot "nothing listens on port $1"; }
}

# Start the faulty server; its port is in $faulty.
start_faulty() {
  faulty=$(free_port)
  start faulty python3 "$here/faulty.py" "$faulty"
  wait_port "$faulty"
}

# Print how many requests for PATH the faulty server has read.
requests_read() { python3 "$here/faulty.py" "$faulty" --count "$1"; }

expected() { echo "expected: $*"; }

# seen TEXT COMMAND...: print the behaviour when COMMAND succeeds; say that it has changed when it does not.
seen() {
  local text=$1
  shift
  if "$@"; then echo "seen: $text"; else echo "CHANGED: no longer so: $text" >&2; exit 1; fi
}
