# console

console-language-name = English
console-skip = Skip to the content
console-nav = Menu
console-nav-overview = Overview
console-sign-out = Sign out
console-back = Back
console-zone = Times are shown in { $zone }.
console-trouble-title = Not shown
console-forbidden = Your role does not allow this. Nothing was changed. If you need it, ask an admin.
console-missing = There is no such page or item. Nothing was changed. Choose again from the menu.
console-garbled = What was sent cannot be read, so nothing was changed. Go back and try again.
console-forged = This did not verifiably come from a page of this console, so it was refused. Nothing was changed. Load the page again and repeat it.
console-signed-out = You are no longer signed in, so nothing was changed. Sign in and repeat it.
console-needs-script = Passkeys need JavaScript. Allow it for this site in your browser.

## overview
console-overview-title = Overview

## sign-in
console-sign-in-title = Sign in
console-sign-in-lead = Sign in with the passkey you set up: fingerprint, face, screen lock or security key. There is no password.
console-sign-in-passkey = Sign in with a passkey
console-too-often = There were too many tries in a short time. Nothing was changed. Wait about { $minutes } minutes and try again.
console-sign-in-refused = This passkey cannot sign in here. Nothing was changed. Try another passkey, or ask an admin for a new link.
console-passkey-failed = The passkey was not used to the end. Nothing was changed. Try again; if it goes on, see whether the browser warns of the certificate: pages with a warning cannot use passkeys.
console-passkey-late = This took too long or was used already. Nothing was changed. Try again.
console-passkey-refused = The passkey could not be checked. Nothing was kept. Try again.
console-passkey-not-kept = This passkey is kept already, or there are too many (20 at most). Nothing was changed.
console-passkey-last = The last passkey cannot be removed. Add a new one first.

## one-time link
console-start-title = Set up a passkey
console-start-lead = Make a passkey for "{ $name }" on this device. From then on you sign in with fingerprint, face, screen lock or security key.
console-start-certificate = While the browser warns of the certificate no passkey can be made. See "The console's certificate" in the admins' guide.
console-link-over = This link was used already or is over. Nothing was changed. Ask an admin for a new one, or run policy-server console link on the server.
console-passkey-label = Name of the passkey
console-passkey-label-hint = Something that says which device it is, such as "office PC". May stay empty.
console-passkey-create = Make the passkey
console-passkey-more = Add a passkey
console-passkey-needs-name = Browsers make no passkeys for a bare address such as { $host }. Make the server again with a --url of the form https://name.
console-passkey-only = The only passkey
console-passkey-remove-one = Remove the passkey "{ $label }"
console-remove = Remove
console-nav-own = My sign-in
console-nav-accounts = Accounts
console-own-title = My passkeys and sessions
console-passkeys = Passkeys
console-made-at = Made
console-used-at = Last used
console-never = Not yet
console-change = Change
console-sessions-own = Browsers signed in
console-sessions-all = People signed in
console-sessions-hint = A session ends after 15 minutes without use, or after eight hours. End any that you do not know.
console-session-browser = Browser
console-session-address = From
console-session-since = Since
console-session-this = This one
console-session-end = End

## accounts
console-accounts-title = Accounts
console-accounts = People
console-account-name = Account name
console-account-role = Role
console-account-scope = For
console-account-disabled = Disabled since { $at }
console-account-new = New account
console-account-make = Make it and show its link
console-account-link = Make a link
console-account-link-for = Make a link for "{ $name }"
console-account-link-title = Link for "{ $name }"
console-account-link-lead = It is shown now and never again. Give it to that person only, in a safe way: by voice or in person. It is good once, within 24 hours.
console-account-disable = Disable
console-account-disable-one = Disable "{ $name }"
console-account-enable = Enable
console-account-enable-one = Enable "{ $name }"
console-account-unknown = There is no account "{ $name }", or it is disabled. Nothing was changed. Check the name.
console-account-there = There is an account of this name already. Choose another name.
console-account-name-wrong = A name has 1 to 64 characters and no "=".
console-account-role-wrong = Choose a role.
console-account-scope-wrong = Choose the whole organisation or a group.
console-account-own = You cannot disable your own account. Nothing was changed. Ask another admin.
console-scope-organisation = The whole organisation
console-role-admin = Admin
console-role-admin-hint = may change everything
console-role-operator = Operator
console-role-operator-hint = may invite, lock and wipe devices
console-role-auditor = Auditor
console-role-auditor-hint = may only read

## recovery
console-recovery-link = I lost my passkey
console-recovery-title = Sign in with the recovery code
console-recovery-lead = The code of your recovery sheet signs you in once. Using it makes a new code and ends all your other sessions.
console-recovery-code = Recovery code
console-recovery-hint = 25 letters and digits. Dashes and capitals do not matter.
console-recovery-enter = Sign in
console-recovery-refused = The account name or the recovery code is wrong. Nothing was changed. Look at the sheet and type it again.
console-sheet-title = Recovery sheet
console-sheet-server = Server
console-sheet-made = Made
console-sheet-keep = Print this page or copy it by hand, and keep it locked away, not with the server. The code is shown now and never again.
console-sheet-use = If all your passkeys are lost, use it from "I lost my passkey" on the sign-in page.
console-sheet-once = A code works once; then a new sheet is shown. An earlier code opens only the backups made before.
console-sheet-print = Print
console-sheet-done = I have kept it

## first steps
console-setup-step = Step { $at } of { $of }
console-setup-next = Next
console-setup-later = Later
console-setup-done = Finish and go to the overview
console-setup-recovery-title = Recovery sheet
console-setup-recovery-lead = Keep a recovery code on paper, so that you get in even if all passkeys are lost. If you make one here, the code that init printed stops working.
console-setup-recovery-make = Make a sheet with a new code
console-setup-recovery-keep = Keep the code that init printed
console-setup-systems-title = Systems to use
console-setup-systems-lead = Choose what staff may open in the workspace. What you do not choose cannot be opened. You can add and change systems later.
console-setup-hosts = Hosts allowed: { $hosts }
console-setup-vendor = Check with the vendor
console-setup-host = Host of "{ $title }"
console-setup-host-wrong = Write the host alone, such as orthanc.clinic.jp: no https:// and no /.
console-setup-nothing = Choose at least one.
console-setup-boundary-title = Sign the boundary
console-setup-boundary-lead = What may be opened at all is signed with the root key, so that not even somebody who takes the server over can widen it. The root key is never sent to this server.
console-setup-boundary-file = The boundary to sign
console-setup-boundary-download = Save boundary.toml
console-setup-boundary-sign = Sign and apply
console-setup-boundary-where = Run the first line on the computer that has the root key, bring boundary.signed to the server, and run the second line there.
console-setup-boundary-key = If you moved the key to a USB stick, write its path in place of root.key.
console-setup-key-here = The root key still lies on the server at { $path }. You can run both lines right there; then move it to a USB stick or the like and delete it here.
console-setup-boundary-version = Boundary in force: version { $version }
console-setup-boundary-waits = Waiting for a boundary that allows the chosen systems. This changes by itself once it is applied.
console-setup-boundary-ready = It allows the chosen systems
console-setup-invite-title = Invite the first device
console-setup-invite-lead = Write who will use the device, and an invitation is made that works once.
console-setup-invite-person = Who will use it
console-setup-invite-make = Make the invitation
console-setup-invite-made = Invitation of { $person }
console-setup-invite-how = On the device, run secure-browser enroll with the link below, or scan the QR code. It works for one device until { $expires } and is shown now and never again.
console-setup-invite-qr = QR code of the invitation

## command line
console-cli-link = A one-time link for { $name }, good until { $expires }. Open it in a browser and make a passkey.
console-cli-certificate = The certificate for { $host } is installed (it ends { $expires }). A running server uses it after a restart. Devices are not affected.
console-cli-pem = This is no certificate with its key. Nothing was changed. Both must be PEM, the certificate first, and the key must be that certificate's.
console-cli-host = This certificate is not for { $host }. Nothing was changed. Use one that names that host.
console-cli-over = This certificate ended { $expires }. Nothing was changed.
console-cli-init = The last line is a one-time link with which the first admin makes a passkey (good for 24 hours). Start the server, then open it in a browser.
