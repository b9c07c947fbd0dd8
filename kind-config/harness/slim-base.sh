#!/bin/sh
# Removes from the base image what no container of the harness uses: apt, Perl, tools for accounts and mounts, and their
# libraries. The packages leave dpkg's list too, so that an image scanner sees only what is there. Run it last: it removes apt.
# Names with t64 are those of Debian 13. The build checks afterwards that no program lacks a library.
set -eu
gone="
  adduser apt bsdutils debconf debian-archive-keyring diffutils e2fsprogs gpgv init-system-helpers login login.defs
  logsave mount ncurses-bin passwd perl-base sqv sysvinit-utils util-linux util-linux-extra
  libapt-pkg6.0 libapt-pkg7.0 libaudit-common libaudit1 libblkid1 libcap-ng0 libcom-err2 libdb5.3 libdb5.3t64 libext2fs2
  libext2fs2t64 libgcrypt20 libgnutls30 libgnutls30t64 libgpg-error0 libgssapi-krb5-2 libhogweed6 libhogweed6t64
  libidn2-0 libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 libmount1 libnettle8 libnettle8t64 libnsl2 libp11-kit0
  libpam-modules libpam-modules-bin libpam-runtime libpam0g libseccomp2 libsemanage-common libsemanage2 libsepol2
  libsmartcols1 libss2 libsystemd0 libtasn1-6 libtirpc-common libtirpc3 libtirpc3t64 libudev1 libunistring2 libunistring5
"
work=$(mktemp -d)
for package in $gone; do
  dpkg-query --listfiles "$package" >>"$work/files" 2>/dev/null || continue
  echo "$package" >>"$work/gone"
done
awk 'FILENAME != status { gone[$1]; next } { split($0, word, /[ \n]/); if (!(word[2] in gone)) print }' \
  status=/var/lib/dpkg/status "$work/gone" RS= ORS='\n\n' /var/lib/dpkg/status >"$work/status"
while read -r file; do
  # Folders stay, since they may contain files of other packages.
  [ -d "$file" ] || rm -f "$file"
done <"$work/files"
cp "$work/status" /var/lib/dpkg/status

# What packages keep for their own installation, texts for people, and character sets and time zones for other languages.
rm -rf /var/lib/dpkg/info /var/lib/apt /var/cache/* /var/log/* /usr/share/perl5 /usr/share/doc /usr/share/man \
  /usr/share/locale /usr/share/bash-completion /usr/share/zoneinfo/right /usr/lib/*-linux-gnu/gconv "$work"
# Parts of Python for its own development, for graphical windows and for installing packages. Of the rest the byte code stays,
# without the source: the user of the image may not write byte code at the first start.
for folder in /usr/lib/python3.* /usr/local/lib/python3.*; do
  [ -d "$folder" ] || continue
  rm -rf "$folder/test" "$folder/ensurepip" "$folder/idlelib" "$folder/lib2to3" "$folder/pydoc_data" \
    "$folder/tkinter" "$folder/turtledemo" "$folder/site-packages" "$folder"/config-3* \
    "$folder"/lib-dynload/_dbm.* "$folder"/lib-dynload/nis.*
  find "$folder" -depth -name __pycache__ -exec rm -rf {} +
  python3 -m compileall -q -b "$folder"
  find "$folder" -name '*.py' -delete
done
