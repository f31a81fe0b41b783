#!/bin/sh
# Installs the system packages that the named parts need, by apt, and only those
# that are missing: setup/system.sh [python] [postgis] [node] [documents] [browser]
# Debian 12 and Ubuntu 24.04 are the documented systems; elsewhere it only checks.
set -eu

fail() {
    echo "setup: $*" >&2
    exit 1
}

python_ready() { "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1; }

postgis_ready() {
    for server in /usr/lib/postgresql/*/bin/initdb; do
        version=${server#/usr/lib/postgresql/}
        version=${version%/bin/initdb}
        [ -e "/usr/share/postgresql/$version/extension/postgis.control" ] \
            && [ -x "$server" ] && [ "$version" -ge 14 ] && return 0
    done
    # One from elsewhere, which pg_config knows.
    share=$(pg_config --sharedir 2>/dev/null) && [ -e "$share/extension/postgis.control" ] \
        && [ -x "$(pg_config --bindir)/initdb" ]
}

# A DATABASE_URL needs no server here.
postgis_needed() { [ -z "${DATABASE_URL:-}" ] && ! postgis_ready; }

browser_ready() {
    [ -x /usr/bin/chromium-headless-shell ] || [ -x /usr/bin/chromium ] && return 0
    for copy in "${PLAYWRIGHT_BROWSERS_PATH:-${HOME:-/root}/.cache/ms-playwright}"/chromium-*; do
        [ -e "$copy/INSTALLATION_COMPLETE" ] && return 0
    done
    return 1
}

fonts_ready() { [ -n "$(find /usr/share/fonts -iname 'NotoSansCJK*' 2>/dev/null | head -n 1)" ]; }

# What WeasyPrint lays papers out with.
pango_ready() {
    for library in libpango-1.0.so.0 libpangoft2-1.0.so.0 libharfbuzz-subset.so.0; do
        ls /usr/lib/*/"$library" >/dev/null 2>&1 || return 1
    done
}

# What is missing, as names that packages_for turns into packages.
missing_parts() {
    for part in "$@"; do
        case $part in
            python) python_ready || echo python ;;
            postgis) if postgis_needed; then echo postgis; fi ;;
            node) { command -v node && command -v npm; } >/dev/null 2>&1 || echo node ;;
            documents)
                pango_ready || echo pango
                fonts_ready || echo fonts
                ;;
            browser)
                # Playwright's own driver needs it.
                ls /usr/lib/*/libatomic.so.1 >/dev/null 2>&1 || echo libatomic
                browser_ready || echo chromium
                fonts_ready || echo fonts
                ;;
            *) fail "unknown part $part" ;;
        esac
    done
}

newest_postgis() {
    apt-cache --names-only search '^postgresql-[0-9]+-postgis-3$' \
        | cut -d ' ' -f 1 | sort -t - -k 2 -n | tail -n 1
}

packages_for() {
    case $1 in
        python) echo python3 python3-venv ;;
        postgis) newest_postgis ;;
        node) echo nodejs npm ;;
        libatomic) echo libatomic1 ;;
        chromium) echo chromium-headless-shell ;;
        pango) echo libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 ;;
        fonts) echo fonts-noto-cjk ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# Ubuntu's chromium is a snap, which neither a container nor Playwright can drive,
# so there Playwright fetches the browser that it was made for.
install_browser_of_playwright() {
    echo "setup: Ubuntu's chromium is a snap: installing Playwright's"
    .venv/bin/playwright install --with-deps chromium \
        || fail "the browser did not arrive: put any Chromium at /usr/bin/chromium and try again."
}

install_missing() {
    command -v apt-get >/dev/null 2>&1 \
        || fail "missing: $(echo $*). Install by hand: this is neither Debian nor Ubuntu."
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null 2>&1 \
        || fail "missing: $(echo $*). Run this once as root, or install sudo."
    echo "setup: installing by apt:" "$@"
    as_root apt-get update -qq
    packages=
    own_browser=
    for part in "$@"; do
        if [ "$part" = chromium ] && grep -q '^ID=ubuntu' /etc/os-release; then
            own_browser=yes
            continue
        fi
        found=$(packages_for "$part")
        [ -n "$found" ] || fail "apt knows no package for $part (Ubuntu: enable universe)."
        packages="$packages $found"
    done
    # shellcheck disable=SC2086 # a list of package names
    [ -z "$packages" ] || as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
        --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 $packages
    [ -z "$own_browser" ] || install_browser_of_playwright
}

PYTHON=${PYTHON:-python3}
[ "$#" -gt 0 ] || fail "name what is needed: python, postgis, node, documents or browser."
# shellcheck disable=SC2046 # a list of parts
set -- $(missing_parts "$@")
[ "$#" -eq 0 ] || install_missing "$@"
