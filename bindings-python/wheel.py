"""Builds the wheel and strips its library: `python wheel.py [maturin's own arguments]`. Prints file and size.

The library is stripped afterwards, since maturin makes the generated module of its symbols.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHEELS = HERE.parent / "target" / "wheels"


def strip_program() -> str:
    """Returns the toolchain's llvm-strip, which strips libraries of any target, or else the system's own."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    found = next(Path(sysroot).glob("lib/rustlib/*/bin/llvm-strip*"), None)
    program = str(found) if found else shutil.which("strip")
    if program is None:
        raise SystemExit("neither llvm-strip (rustup component add llvm-tools) nor strip is there")
    return program


def stripped(library: bytes) -> bytes:
    """Returns the library without symbols."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "library"
        file.write_bytes(library)
        subprocess.run([strip_program(), "--strip-all", str(file)], check=True)
        return file.read_bytes()


def repacked(wheel: Path) -> None:
    """Strips a wheel's library in place and corrects its RECORD."""
    with zipfile.ZipFile(wheel) as packed:
        files = {info.filename: packed.read(info) for info in packed.infolist()}
    changed = [name for name in files if "/_native/" in name and name.endswith((".so", ".dylib"))]
    for name in changed:
        files[name] = stripped(files[name])
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    lines = [f"{name},{_digest(content)},{len(content)}" for name, content in files.items() if name != record]
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o755 if name in changed else 0o644) << 16
            packed.writestr(info, content)


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def main() -> None:
    """Builds and strips the wheel, and prints its size."""
    maturin = Path(sysconfig.get_path("scripts")) / "maturin"
    before = {file: file.stat().st_mtime_ns for file in WHEELS.glob("*.whl")}
    subprocess.run([maturin, "build", "--release", "-o", WHEELS, *sys.argv[1:]], cwd=HERE, check=True)
    for file in WHEELS.glob("*.whl"):
        if file.stat().st_mtime_ns != before.get(file):
            repacked(file)
            print(f"{file.name}: {file.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
