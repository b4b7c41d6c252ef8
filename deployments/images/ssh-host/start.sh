# New host keys for each container, the one key that opens every account, then the server in the foreground.
set -eu
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
for user in root ops plain; do
  home=$(getent passwd "$user" | cut -d: -f6)
  install -d -m 0700 -o "$user" "$home/.ssh"
  printf '%s\n' "$AUTHORIZED" > "$home/.ssh/authorized_keys"
  chown "$user" "$home/.ssh/authorized_keys"
done
# Tests knock with wrong keys on purpose; newer servers would shut their address out for a while.
exec /usr/sbin/sshd -D -e -o PerSourcePenalties=no -o HostKey=/etc/ssh/ssh_host_ed25519_key -o UseDNS=no -o MaxStartups=100
