# server

policy-file-refused = The file was refused whole; nothing was changed. Correct what is named above and try again.
policy-check-good = { $file } is a good policy file: { $systems } systems, { $entries } entries.
policy-diff-same = Both files allow the same.

## attest verify
attest-genuine = Genuine evidence, tier { $tier }.
attest-refused = Refused: this evidence proves nothing.
attest-reason = Reason: { $code }
attest-note = Noted: { $code }
attest-bad-input = Nothing could be judged: { $cause }. Check the file and the options.

## the data folder and the database
data-missing = { $data } is not the data folder of a server. Make one with "policy-server init", or check the path.
data-unreadable = The folder { $data } cannot be used: { $error }. Nothing was changed. Check the path and who owns it.
data-busy = { $data } is in use by another policy-server process. Nothing was changed. Use that one, or stop it first.
data-damaged = The file { $file } of the data folder is damaged or does not belong to the others. Nothing was changed. Restore it from a backup.
data-file = The file { $file } of the data folder cannot be read: { $error }. Nothing was changed.
store-missing = There is no database at { $path }. Nothing was made in its place. Restore it from a backup, or make a new server with "policy-server init".
store-exists = There is a file at { $path } already, so no database was made. Nothing was changed.
store-damaged = The database is damaged or is not one of policy-server. It was left as it is. Restore it from a backup.
store-newer = The database was made by a newer policy-server. It was left as it is. Use the newer version.
store-unwritable = The database cannot be written: the disk is full or the file is read-only. What was kept before is safe. Make room and try again.
store-value = The database holds a value in { $column } that this version does not know. Nothing was changed. Use the version that wrote it.
store-failed = The database failed. What was kept before is safe, and nothing was half done. Try again; the log says more.
random-failed = The system gave no randomness or a key could not be made, so nothing was done. Try again.
runtime-failed = The process could not start its work: { $error }.
file-unreadable = { $path } cannot be read: { $error }.
file-unwritable = { $path } cannot be written: { $error }. Nothing was replaced.
group-name = "{ $group }" is not a group name: 1 to 64 of a-z, 0-9, "-" and "_", starting with a letter or digit.

## init
init-url = "{ $url }" is not an address of a server. Write https://HOST or https://HOST:PORT, with nothing after it.
init-org = The organisation's name must have 1 to 100 characters.
init-not-empty = The folder { $data } is not empty. It was left as it is. Name an empty or new folder.
init-done = The server is made in { $data }. Start it with: policy-server serve --data { $data } ({ $url })
init-root-key = The organisation's root key lies at { $path }. Move it away from this machine now (such as to a USB stick kept in a safe): whoever has it can widen what devices may reach.
init-recovery = The recovery code above is shown this once. Write it down and keep it apart from the server.
init-boundary-empty = No boundary was given, so every policy is refused until you sign one: "policy-server boundary init FILE", edit it, "policy-server boundary sign", "policy-server boundary apply".

## the root key and the boundary
root-exists = There is a file at { $path } already. It was left as it is. Name another place for the root key.
root-unwritable = The root key cannot be written to { $path }: { $error }. Nothing was made.
root-unreadable = The root key { $path } cannot be read: { $error }.
root-damaged = { $path } is not a root key of policy-server, or it is damaged. Nothing was signed.
boundary-faults = The boundary has faults, so it was refused whole. Correct them and try again:
boundary-refused = The boundary was refused, so no server was made.
boundary-unsigned = This is not a signed boundary. Sign one with "policy-server boundary sign".
boundary-template = A template was written to { $path }. Edit it, then sign it with "policy-server boundary sign".
boundary-signed = Signed: { $path }, version { $version }, good until { $expires }. Put it in force with "policy-server boundary apply".
boundary-shown-unchecked = Version { $version }, good until { $expires }, says it is signed by { $root }. Name --root-key to check that.
boundary-shown-good = Version { $version }, good until { $expires }, signed by { $root }: the signature fits.
boundary-shown-bad = Version { $version }, says it is signed by { $root }: the signature does NOT fit this root key. Do not use it.
boundary-applied = Boundary { $version } is in force. Devices get it at once or at their next contact.
boundary-policy-outside = The policy of group "{ $group }" is now outside the boundary: its devices refuse it. Apply a narrower one.

## policy, invitation
policy-applied = Version { $version } of the policy is in force for group "{ $group }". Devices get it at once or at their next contact.
policy-outside-boundary = { $file } allows more than the boundary, so it was refused whole. The old policy stays in force. Narrow these, or sign a wider boundary with the root key:
policy-boundary-empty = { $file } was refused whole, because the boundary in force allows no host at all: no policy can pass until the organisation signs one. Use "policy-server boundary init", "sign" and "apply". The old policy stays in force.
policy-too-long = The policy is too long to be sent. Nothing was changed. Keep it below 4 MiB.
invite-user = The person's name must have 1 to 128 characters.
invite-expires = An invitation lasts from 1 second to 7 days.
invite-done = This link admits one device of { $user } until { $expires }. Hand it to that person only.

## devices
device-unknown = There is no device "{ $name }". See "policy-server device list".
device-ambiguous = Several devices are called "{ $name }". Nothing was done. Name one by its id:
device-locked = { $label } is locked. It cannot unlock or renew until you release it.
device-released = { $label } is released: it may unlock again, with all tries.
device-retired = { $label } is retired: nothing is ever granted to it again. At its next contact it erases itself and says so, signed; "policy-server device show" tells how far that is.
device-requested = Nothing was done to { $label } yet. To erase more than 3 devices in 10 minutes, or more than 5 % of all in a day, takes two admins: another one has to run "policy-server device approve { $device }" within 24 hours. Until then it keeps its access. To shut it out at once, run "policy-server device lock { $device }".
device-deleted = { $label } is off the list. It is never granted anything again, and what was ordered of it is still delivered.
device-in-service = { $label } is in service, so it was not deleted. Nothing was changed. Wipe or retire it first.
request-none = Nothing that was asked of "{ $name }" waits for a second admin. Nothing was changed. See "policy-server device show".
request-same = You asked for this yourself. Nothing was done to { $label }; another admin has to approve it.
request-expired = This was asked more than 24 hours ago and counts no more. Nothing was done to { $label }. If it is still wanted, ask for it again.
request-rejected = What was asked of { $label } is rejected. Nothing was done to it, and it keeps its access.
wipe-issued = The wipe of { $label } is issued: it gets no access any more. The device itself has not answered yet; it wipes at its next contact, or when its lease ends.
wipe-no-server = The wipe of { $label } is issued: it gets no access any more. No server is running, so the order is delivered once one runs.
wipe-accepted = { $label } has noted the wipe and is carrying it out. It has not yet said that it is done.
wipe-destroyed = { $label } says, signed, that its keys, session and profile are gone.
wipe-lease-dead = { $label } has not answered, and its last lease is over: what it held is assumed dead. It gets no access any more.
wipe-receipt-bad = { $label } sent an answer that does not fit. It gets no access any more, but do not take it for wiped: look at "policy-server device show".

## serve and the admin socket
serve-port-taken = The address { $address } is in use by another program, so the server did not start. Nothing was changed. Stop that program or name another --listen.
serve-port-forbidden = This user may not listen on { $address }. Nothing was changed. Name a port above 1023 with --listen, or grant the capability.
serve-address = The server cannot listen on { $address }: { $error }. Nothing was changed.
serve-failed = The server could not start: { $error }. Nothing was changed.
admin-unreachable = The running server does not answer: { $error }. Whether it did what was asked is not known; look before you repeat it.
admin-garbled = The running server gave an answer that this version does not understand. Use the server's own version of this program.

## audit
audit-good = The log is whole: { $entries } entries, root { $root }.
audit-bad = The log is NOT whole. First bad entry: { $index }. { $problem }.
audit-exported = { $entries } entries were written to { $path }. Check them with "policy-server audit verify { $path }".
audit-key = { $path } is not the public key of an audit log.
audit-nothing = { $path } is neither an export of an audit log nor a server's data folder.
gateway-faults = The gateway file { $path } has faults. Nothing was changed. Correct these places:
gateway-good = The gateway file is good: { $routes } routes.
gateway-applied = { $routes } gateway routes are in force; a server that is stopped uses them from its next start.
gateway-damaged = The gateway routes in the database do not open under this server's secret. None is in force, and systems behind the gateway are refused. Put the file in force again with "policy-server gateway apply".

## backup, restore, recover, migrate
backup-made = The backup of { $time } lies at { $path }. Only the recovery code opens it: keep both away from this machine, and from each other.
backup-no-key = This server was made before backups could be, so it has no key for them. Nothing was written. Run "policy-server recover" once with the recovery code, then try again.
backup-code = The recovery code does not open { $path }. Nothing was restored. Use the code that was in force when the backup was made.
backup-damaged = { $path } is damaged, cut short or not a backup of policy-server. Nothing was restored. Use another backup.
restore-done = The server { $url } is back in { $data } as it was at { $time }, with { $devices } devices. Start it with: policy-server serve --data { $data }
restore-held = { $held } devices are held: none gets in until you release it. What was wiped or retired after { $time } is not in this backup. Compare with your notes and log exports, wipe those again ("policy-server device wipe NAME"), then release the others ("policy-server device release NAME").
restore-trusted = Devices get in as they did at { $time }. Wipe again at once whatever was wiped or retired after that time: it is not in this backup.
restore-boundary = The boundary in force is version { $version }. If a newer one was signed since, devices refuse this one: put the newer one in force again with "policy-server boundary apply".
restore-invitations = Invitations that were open are closed, because they may have been used since. Make new ones.
restore-console = Everybody is signed out of the console, links to it and all API tokens are worth nothing: they may have been taken back since. Passkeys work as before; make new tokens where programs need them.
restore-log = The log goes on from entry { $entries }. Devices that saw later entries refuse this server until the root key says that its log is the right one: start it, then run "policy-server audit restart --root-key FILE". Keep exports made since the backup; they hold what this log lacks.
log-restart-root = This is not the organisation's root key that devices know. Nothing was changed. Use the root key made by "policy-server init".
log-restart-other = This is not a word about this server's log as it is, or an older one. Nothing was changed. Run "policy-server audit restart" on this server again.
log-restarted = Devices follow this log from entry { $entries } on, also those that saw another one. The log holds a line about it. Put the root key away again.
restore-old-machine = If the old machine still runs or was stolen, shut it off and rotate the keys ("policy-server keys rotate"): it holds the same keys.
recover-ask = Recovery code:
recover-no-code = No recovery code was given. Nothing was changed. Type it, or give it as one line on the standard input.
recover-wrong = This is not the recovery code in force. Nothing was changed; the log holds a line about it. Without the code this server cannot be recovered: make a new one and enroll the devices again.
recover-link = The link above leads account "{ $account }" to the console, once, for a day: open it and make a passkey.
recover-done = The code above is the new recovery code, shown this once. Write it down and keep it apart from the server; the old one is worth nothing now. The log holds a line about it that cannot be taken out unseen. Backups made before today still open with the old code only, so make a new one.
serve-database = The database of this server is { $path }, beside the keys it belongs to; another cannot be used with them. Nothing was started. Leave --database away, or move the whole data folder.
serve-nats = This version runs as one node and uses no NATS. Nothing was started. Leave --nats away.
migrate-url = "{ $url }" is not a database of policy-server. Write sqlite:PATH. Nothing was changed.
migrate-postgresql = This version keeps its data in SQLite only; it cannot use PostgreSQL. Nothing was changed. Write sqlite:PATH.
migrate-differs = The copy does not hold what the original does, so it was taken away again. The original is as it was. Stop whatever writes to it and try again.
migrate-done = { $rows } rows were copied to { $path } and counted again; the original is as it was. To use the copy, stop the server and put it in the place of DIR/server.db.

## keys
keys-not-asked = No new key was asked for, so none was put in use. Run "policy-server keys rotate online" again.
keys-certificate = The certificate is not the root key's word for the key that was asked for. The old key stays in use.
keys-other-root = This is not the organisation's root key that devices know. The old key stays in use. Use the root key made by "policy-server init".
keys-overlap = The overlap is too short: devices hold certificates of up to { $least } minutes. Nothing was changed.
keys-too-many = Too many earlier authorities are still trusted. Nothing was changed. Wait until one ends ("policy-server keys show").
keys-online-rotated = The new online key is in use, good until { $until }. Devices follow by themselves; what the old key signed stays good until it ends. Put the root key away again.
keys-tls-announced = The next TLS key is announced: devices keep it beside the one in use as soon as they renew. Leave them 30 days, then run "policy-server keys rotate tls --finish". Put the root key away again. If systems are reached through the access gateway, add the new key to "pins" of the policies first.
keys-tls-counts = The new TLS key is in use from the next start of the server on: restart it. { $unheard } devices in service have not heard of it and will have to enroll again.
keys-tls-none = No TLS key was announced, so none was put in use. Run "policy-server keys rotate tls --root-key FILE" first.
keys-tls-other = This is not a word about the TLS key in use and the next one, or an older one. Nothing was changed.
keys-tls-soon = The key was announced less than 30 days ago, and { $unheard } devices in service have not heard of it: they would have to enroll again. Nothing was changed. Wait, or add --at-once.
keys-ca-rotated = The new authority issues devices' certificates. Those of the old one are taken until { $until }. Give the new certificate to any other gateway that checks devices.

## audit: lines and tables
audit-exported-lines = { $entries } entries were written to { $path }. These lines are for reading; "--format folder" makes an export that proves itself.
audit-folder-whole = A folder that proves itself holds the whole log, so it takes no --since or --until. Nothing was written. Leave them out, or choose --format json-lines or syslog.
audit-unreadable = Entry { $index } of the log cannot be read, so the export was broken off there: do not use it. Run "policy-server audit verify".
table-written = { $rows } rows were written to { $path }.

## bench
bench-failed = The bench broke off: { $error }. Nothing but its own folder was touched.
## the API
api-token-missing = A token is needed: send "Authorization: Bearer swt_...". Nothing was done. An admin makes one with "policy-server token create".
api-token-unknown = This token is not known here. Nothing was done. Check that it was copied whole, or have a new one made.
api-token-expired = This token's time is over. Nothing was done. Have a new one made.
api-token-revoked = This token was taken back. Nothing was done. Ask the admin who made it.
api-forbidden = This token may not do that. Nothing was done. Use one with the right, or have one made.
api-not-found = There is nothing of this name, or nothing that this token reaches.
api-method = This address does not take that method. See /api/v1/openapi.json.
api-unreadable = The request could not be read, so nothing was done. What is wrong with it stands in "lines".
api-kind = This is not a kind of resource. Write document, image, script or another kind of policy.md.
token-made = This is the only time that token { $id } is shown. It is good until { $expires }. Keep it where only its program can read it.
token-revoked = Token { $id } is taken back: nothing is done for it any more.
token-unknown = There is no token { $id }. Nothing was changed. "policy-server token list" shows all.
token-name = A token needs a name of 1 to 100 plain characters.
token-role = "{ $role }" is not a role: admin, operator or auditor.
token-action = "{ $action }" is not an action, such as device.see or audit.see. No token was made.
token-expires = A token is good for a second to a year. Write a span such as 90d.
webhook-url = A webhook needs an https:// address without user name and fragment. Nothing was made.
webhook-private = This address is private, and the webhook does not say that it may be. Nothing was made.
webhook-ca = The CA is not a list of certificates in PEM. Nothing was made.
webhook-events = A webhook needs at least one kind of event: wipe, refusal, tier, device, policy, admin.
webhook-event = "{ $event }" is not a kind of event: wipe, refusal, tier, device, policy, admin.
webhook-many = There are { $most } webhooks already. Take one away first.
webhook-unknown = There is no webhook { $id }. Nothing was changed.
