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
