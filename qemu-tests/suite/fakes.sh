#!/bin/sh
# The programs that the suite puts in the place of real ones. Each is a link to this file, by which it knows what to do; `fakes.rs`
# makes the links. Where `PATH` has nothing else, `command -p` finds the system's own programs.
case ${0##*/} in

# A QEMU does what the test that set $FAKE_QEMU says.
qemu-system-*) eval "$FAKE_QEMU" ;;

# It "installs" fake QEMUs, itself as other programs, and empty firmware into $FAKE_BIN, or goes wrong as $FAKE_APT says.
apt-get)
    echo "fake apt-get $*"
    case $1-$FAKE_APT in
    update-*)
        : >"$FAKE_BIN/updated"
        exit 0
        ;;
    install-broken) exit 100 ;;
    install-idle) exit 0 ;;
    install-stale | install-unlisted) [ -e "$FAKE_BIN/updated" ] || exit 100 ;;
    esac
    command -p ln -s "$FAKE_QEMUS"/* "$FAKE_BIN"
    case $* in
    *gdb-multiarch*) command -p ln -s "$0" "$FAKE_BIN/gdb-multiarch" ;;
    esac
    case $* in
    *llvm-19*) command -p ln -s "$0" "$FAKE_BIN/llvm-mca-19" ;;
    esac
    case $* in
    *valgrind*) command -p ln -s "$0" "$FAKE_BIN/valgrind" ;;
    esac
    case $* in
    *ovmf*) command -p mkdir "$FAKE_BIN/ovmf" && : >"$FAKE_BIN/ovmf/OVMF.fd" ;;
    esac
    case $* in
    *qemu-efi*) command -p mkdir "$FAKE_BIN/qemu-efi-aarch64" && : >"$FAKE_BIN/qemu-efi-aarch64/QEMU_EFI.fd" ;;
    esac
    ;;

# Knows every package, but none before an update if $FAKE_APT is "unlisted".
apt-cache) [ "$FAKE_APT" != unlisted ] || [ -e "$FAKE_BIN/updated" ] ;;

# Called as `rustc --print target-libdir --target TARGET`.
rustc) echo "$FAKE_BIN/lib/$4" ;;

# Called as `rustup target add TARGET...`.
rustup)
    echo "fake rustup $*"
    shift 2
    for target; do
        command -p mkdir -p "$FAKE_BIN/lib/$target"
        : >"$FAKE_BIN/lib/$target/libcore-fake.rlib"
    done
    ;;

# When the suite is not run as root: asks for no password and gives no rights.
sudo)
    [ "$1" = -n ] && shift
    [ "$1" = env ] && shift 2
    [ "$1" = true ] || exec "$@"
    ;;

# A Python whose greenlet package logs the same nonsense of every scenario.
python)
    case $1 in
    -c) echo "greenlet 0 on nothing" ;;
    *) command -p sed -n 's/^scenario .*/&\n0 0 nonsense\ndone/p' "$2" ;;
    esac
    ;;

# A fuzz program that ends by a signal in every scenario that has a `drop`.
fuzz-crash)
    order=$(cat)
    echo "# 3"
    case $order in
    random* | *"
drop "*) kill -s SEGV $$ ;;
    esac
    echo "DONE 1/1"
    ;;

# One that fails in the fifth scenario of a seed, but not when that runs alone.
fuzz-history)
    case $(cat) in
    random*)
        echo "# 4"
        echo "AUDIT pool: of the fifth"
        echo "DONE 4/5"
        exit 1
        ;;
    esac
    echo "# 0"
    echo "DONE 1/1"
    ;;

# One that runs one scenario, whatever was asked for.
fuzz-idle)
    cat >/dev/null
    echo "# 0"
    echo "DONE 1/1"
    ;;

# One that says nothing, and that all is well.
fuzz-silent) exec cat >/dev/null ;;

*)
    echo "fakes.sh is no $0"
    exit 99
    ;;
esac
