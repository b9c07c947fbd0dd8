#!/bin/sh
# Makes the installed packages in /opt/harness smaller. Every module that a program imports stays.
set -eu
cd /opt/harness/lib/python3*/site-packages

# The packages' own tests, stubs, sources of compiled modules, and tools to compile more of them.
find . -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h' -o -name '*.a' \) -delete
rm -rf numpy/f2py numpy/distutils numpy/_core/_simd.*
# The client for asyncio, and the pages of Locust's web server: the harness uses neither.
rm -rf kubernetes/aio locust/webui

# Debugging symbols. Libraries that the wheel repair tool moved (*.libs) can break when they are stripped.
find . -name '*.so' ! -path './*.libs/*' -exec strip --strip-debug {} +

# Byte code in place of the source, since the user of the image may not write byte code at the first start. The harness
# keeps its source, for tracebacks and because Locust reads locustfiles; its byte code counts whatever the files' times.
mv harness /tmp/harness
python3 -m compileall -q -b .
find . -name '*.py' -delete
mv /tmp/harness harness
python3 -m compileall -q --invalidation-mode unchecked-hash harness

# Thousands of generated modules, of which a run imports a few: Python imports them from an archive.
for package in kubernetes pygments; do
  python3 -m zipfile -c "$package.zip" "$package"
  rm -r "$package"
  echo "$package.zip" >"$package.pth"
done
