### Orders that wait

pages-act-requests = { $count } orders to erase devices wait for a second admin. Look at them and decide.
pages-act-requests-own = { $count } of your orders to erase devices wait for another admin.
pages-many-waits = waits for a second admin; nothing is erased yet
pages-order-approval-by = { $by } asked at { $time }; it waits for a second admin, and nothing is erased yet
pages-waiting-agreed = I have looked at the list and asked { $by } about it, elsewhere than here. I agree that these are erased.
pages-waiting-approve = Approve and erase
pages-waiting-at = Asked
pages-waiting-batch = Asked by { $by }: { $count } devices
pages-waiting-by-command = the server's command line ({ $name })
pages-waiting-by-token = an API token ({ $name })
pages-waiting-done = What became of it
pages-waiting-lead = Erasing many devices in a short time needs two admins, so that one person's mistake, or one stolen account, cannot take all devices away.
pages-waiting-link = See the orders that wait
pages-waiting-means = If you approve, the chosen devices lose access to every system at once and destroy keys and content at their next contact. It cannot be undone.
pages-waiting-none = No order waits for approval.
pages-waiting-own = You asked for these, so you cannot approve them yourself. Ask another admin to open this page.
pages-waiting-refused = not approved; the device works on
pages-waiting-reject = Do not approve
pages-waiting-take-back = Take the orders back
pages-waiting-title = Orders that wait for approval
pages-waiting-until = { $at } (ends { $until })
pages-waiting-what = Order

### Receipts checked offline

receipt-good = The receipt is signed as it should be: device { $device } said "{ $stage }" at { $time }. To know that it is that device's key, look for the same sha256 in the entry device.receipt of the audit log: { $digest }
receipt-unreadable = { $path } is no receipt as the console gives it. Choose another file.
receipt-wrong = The receipt in { $path } does not fit the device's signature: it was changed or belongs to another device. Do not take it for proof; download it again from the console.

### Notices

notice-posted = Notice { $id } stands on the portal until { $until }. Devices that are connected show it at once.
notice-withdrawn = Notice { $id } was taken off.
notice-text = Write the notice as one line of 1 to { $most } characters. Nothing was posted.
notice-until = Choose a last day from today up to 92 days from now. Nothing was posted.
notice-many = There are at most { $most } notices for the same people at a time. Take an older one off, then post this one again.
notice-unknown = There is no notice { $id }. It was taken off already, or it is over.
pages-notices-en = Text in English (without it the Japanese one is shown)
pages-notices-for = For whom
pages-notices-hint = It stands at the top of people's portal. Write no patient's name and nothing personal.
pages-notices-ja = Text in Japanese (at most 200 characters)
pages-notices-new = A new notice
pages-notices-none = No notice is shown now.
pages-notices-now = Notices shown now
pages-notices-post = Post
pages-notices-text = Text
pages-notices-title = Notices
pages-notices-until = Shown until
pages-notices-withdraw = Take off
pages-notices-withdraw-one = Take off: { $text }
portal-news = Notices
ui-notice-news = There is a notice from your organisation. Read it on the portal.

### Sign-in through an identity provider

console-provider-title = Sign in through a provider
console-provider-button = Sign in at { $host }
console-provider-out = You are taken to { $host } to sign in. See that the address bar says { $host }.
console-provider-go = Go on to { $host }
console-provider-in = You are signed in as { $name }.
console-provider-on = Go on to the console
console-provider-late = This sign-in is over, began in another browser, or was used already. Nothing was changed. Begin again at the sign-in page.
console-provider-refused = The provider's answer does not hold, so you are not signed in. Nothing was changed. Try again; if it stays so, ask an admin to look at session.begin in the audit log.
console-provider-unlinked = This person is not linked to an account. Nothing was changed. Give this identifier to an admin, who links it on the page "Identity provider" once he knows, by telephone or the like, that it is you: { $subject }
console-provider-unreached = { $host } cannot be reached, so nobody signs in through it now. Nothing was changed. Sign in with a passkey, or try again later.
pages-provider-title = Identity provider
pages-provider-lead = Admins may sign in through the organisation's provider (OpenID Connect). Who comes in as whom is decided by the identifiers (sub) linked here and nothing else; e-mail addresses are not looked at.
pages-provider-links = Who may sign in so
pages-provider-links-none = Nobody is linked.
pages-provider-link = Link a person
pages-provider-link-hint = Let the person try to sign in once: the page that refuses shows the identifier. Make sure by telephone or the like that it is theirs.
pages-provider-link-do = Link
pages-provider-unlink = Unlink
pages-provider-unlink-one = Unlink from { $name }
pages-provider-subject = Identifier (sub)
pages-provider-issuer = Issuer
pages-provider-other = not the provider in use
pages-provider-settings = Settings
pages-provider-none = None is set: people sign in with passkeys alone.
pages-provider-held = In use: { $issuer }
pages-provider-redirect = The way back (redirect URI), to be registered at the provider:
pages-provider-client = Client id
pages-provider-secret = Client secret
pages-provider-secret-hint = Leave it empty for a public client.
pages-provider-secret-held = It is kept. Write here only to change it.
pages-provider-console = Address of the console
pages-provider-private = The provider is inside (it has a private address)
pages-provider-ca = CA certificate of the provider (PEM; not needed for a public CA)
pages-provider-set = Check and save
pages-provider-remove = Remove the provider
provider-set = Admins may sign in through { $issuer }. Register the way back { $redirect } there; then link people with "policy-server console identity link".
provider-removed = The provider is removed; people sign in with passkeys alone.
provider-none = No identity provider is set.
provider-issuer = Write the issuer as an address that begins with https://. Nothing was changed.
provider-client = Write the client id, at most 200 characters. Nothing was changed.
provider-secret = The client secret is too long. Nothing was changed.
provider-console = Write the console's address as https://{ $host }, with a port if it has one. Nothing was changed.
provider-subject = Write the identifier (sub) as one line of at most 255 bytes. Nothing was changed.
provider-unreached = { $issuer } gave no answer that holds ({ $why }), so nothing was changed. Check the issuer, its CA certificate, and whether it has a private address.
provider-linked = { $subject } is linked to an account already. Nothing was changed.
provider-unlinked = { $subject } is not linked to an account.
provider-link-made = { $subject } may sign in as { $name }.
provider-link-gone = { $subject } can no longer sign in as { $name }; sessions opened so have ended.

pages-import-fault = It could not be read ({ $cause }). Nothing was changed. Choose the JSON that holds URLAllowlist of Chrome or Edge, or a Safe Exam Browser configuration that is not encrypted.
pages-import-file = Choose a file (.json or .seb)

### Groups and roles

pages-group-new = A new group
pages-group-name = Name of the group
pages-group-hint = Small letters, digits and hyphens, such as home-care. The group is there once its first policy is drafted.
pages-group-begin = Begin
pages-role-change = Change the role
pages-role-of = Role of { $name }
pages-scope-of = Reach of { $name }
pages-role-do = Change

### Who may reach the console

policy-console = This policy would open the console ({ $url }) to personal devices of which nothing is proven, so it was refused. The old policy stays in force. Take the console's host out, or set minimum of [attestation] to "tpm" or another kind of hardware.
