# Sourced by installer/demo and tests/run in the checkout: finds a Rust toolchain that is new enough, fetches one by
# rustup into the user's own folder if there is none, makes sure of a C compiler, and settles the target folder.

say() { printf '%s\n' "$*" >&2; }

# as_root COMMAND...: as root, by sudo where needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo > /dev/null; then sudo "$@"
  else
    say "Please have an admin run: $*"
    return 1
  fi
}

# new_enough: whether the cargo at hand is at least $wanted (major.minor).
new_enough() {
  local have
  have=$(cargo --version 2> /dev/null | sed -n 's/^cargo \([0-9]*\.[0-9]*\).*/\1/p')
  [ -n "$have" ] && [ "$(printf '%s\n' "$wanted" "$have" | sort --version-sort | head -n 1)" = "$wanted" ]
}

# fetch_rustup: rustup-init from its own site, checked against the hash beside it, with nothing but what is needed.
fetch_rustup() {
  local machine folder url
  machine=$(uname -m)-unknown-linux-gnu
  url=${RUSTUP_UPDATE_ROOT:-https://static.rust-lang.org/rustup}/dist/$machine
  command -v curl > /dev/null || as_root installer/packaging/install-debian ca-certificates curl
  folder=$(mktemp -d)
  say "Rust $wanted is missing: fetching it into ${CARGO_HOME:-$HOME/.cargo}"
  curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --remote-name --output-dir "$folder" \
    "$url/rustup-init" --remote-name --output-dir "$folder" "$url/rustup-init.sha256"
  # The file holds the hash, in some versions followed by a name.
  printf '%s *%s\n' "$(cut -c 1-64 "$folder/rustup-init.sha256")" "$folder/rustup-init" | sha256sum --check --quiet
  chmod 700 "$folder/rustup-init"
  RUSTUP_INIT_SKIP_PATH_CHECK=yes "$folder/rustup-init" -q -y --no-modify-path --profile minimal --default-toolchain "$wanted" \
    --component clippy --component rustfmt > /dev/null
  rm -r -- "$folder"
}

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# First, since Debian's own cargo may be there and too old.
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH

if ! new_enough; then
  if command -v rustup > /dev/null; then
    say "Rust $wanted is missing: rustup adds it; your default toolchain stays as it is"
    rustup toolchain install "$wanted" --profile minimal --component clippy --component rustfmt
    export RUSTUP_TOOLCHAIN=$wanted
  else
    fetch_rustup
  fi
  hash -r
  new_enough || { say "Rust $wanted or newer is needed and could not be had; see https://rustup.rs"; exit 2; }
fi

command -v cc > /dev/null || as_root installer/packaging/install-debian build-essential

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/secure-workspace/target}
