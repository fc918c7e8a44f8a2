# Evidence and posture, on both sides

reason-evidence-unsupported = This server does not take this kind of proof yet. Nothing was stored. Enroll from a PC, or ask your admin.
reason-hardware-missing = This device was enrolled with its TPM, and that cannot be used now, or is another one. The workspace stays shut and nothing was lost on the server. Restart the device; if it goes on, ask your admin for a new invitation.
reason-posture-os-unsupported = This device's system gets no security updates any more, so the workspace does not open. Nothing was lost. Upgrade the system to a supported version, or call your admin.
reason-posture-disk-plain = This device's disk is not encrypted, and your organisation asks for that. Nothing was lost. Turn disk encryption on, or call your admin, who can let you in for some hours.
reason-posture-screen-unlocked = This device's screen does not lock by itself, and your organisation asks for that. Nothing was lost. Turn on the automatic screen lock in the system settings and open the workspace again.
reason-posture-secure-boot-off = This device started without Secure Boot, and your organisation asks for it. Nothing was lost. Turn Secure Boot on in the firmware settings and restart, or call your admin.
reason-posture-rooted = The workspace runs with more rights than it should have, or with foreign code loaded into it. Nothing was opened. Start it as an ordinary user, or call your admin.
reason-posture-debugger = Another program is watching the workspace as a debugger does. Nothing was opened. Close that program and open the workspace again.
reason-posture-swap-plain = This device may write its memory to a disk that is not encrypted. Nothing was lost. Encrypt the swap space or turn it off, or call your admin.
reason-posture-screen-readers = A program that records or shares this screen is running. Close it before you open patient data, or call your admin.
reason-posture-unknown = This device cannot tell something that your organisation wants to know of it. Nothing was lost. Run "secure-browser doctor" to see what it is, and call your admin.

## policy-server device appeal
appeal-made = { $check } is lifted for this device until { $until }. Read the number { $reference } to the caller; both of you write it down. The workspace opens at the next try, and warns.
appeal-check = "{ $check }" is not a posture check. Nothing was changed. Known: { $known }.
appeal-hours = A check is lifted for 1 to { $most } hours. Nothing was changed.

## policy-server attest list
trust-list-bad = The list { $path } is damaged or is not signed by this organisation. Nothing was started without it. Put the right file back, or remove it.
trust-list-unsigned = This is not a list signed by this organisation's root key or this server's key. The lists in force stay. Sign it with "policy-server attest list sign".
trust-list-old = The list for { $kind } is over, or not newer than the one in force. The lists in force stay. Sign a newer one.
trust-list-unreadable = { $path } is not a list for { $kind }. Nothing was signed. Roots are PEM or a JSON list of PEM, revocations Google's status list; at most 4 MiB.
trust-list-key = Name the key to sign with: --root-key or --data. Nothing was signed.
trust-list-signed = Signed: { $path } for { $kind }, good until { $expires }. Put it in force with "policy-server attest list apply".
trust-list-applied = The list for { $kind } is in force until { $expires }.
trust-list-none = No list was put in force yet; those that come with the program count.

## secure-browser
trust-tpm-used = This device's TPM { $state ->
    [used] vouches for it
    [not-built] is not used: this program was built without it
   *[absent] cannot be used: { $why }
}.
trust-check-good = The server admits this device ({ $level }).
trust-status-tier = This device is vouched for by { $tier ->
    [tpm] its TPM
   *[software] a key in software (no TPM was used)
}.
