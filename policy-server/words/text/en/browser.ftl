# browser

# Portal (secure-browser/src/portal)
portal-title = Workspace
portal-hello = { $user }
portal-theme = Brightness
portal-search = Search by system or area
portal-areas = Areas
portal-areas-all = All areas
portal-near = Neighbouring areas
portal-none-found = Nothing found. Try fewer words, or choose “All areas”.
portal-no-systems = There is no system in this workspace yet. It will appear here as soon as your admin adds one.
portal-promise = Nothing you open here is stored on this device. Copy and paste work inside the workspace only.
portal-version = Allowlist version { $version }
portal-kind-collaboration = Collaboration
portal-kind-records = Records
portal-kind-viewer = Image and exam viewer
portal-kind-meeting = Video meeting
portal-kind-map = Resource map
portal-kind-beds = Bed search
portal-kind-monitoring = Home monitoring
portal-kind-desktop = Virtual desktop
portal-kind-statistics = Statistics
portal-kind-other = Other
portal-power-camera = Camera
portal-power-microphone = Microphone
portal-power-location = Location
portal-power-no-print = No printing on this device
portal-power-no-camera = No camera pictures on this device
portal-unavailable-calls = Video calls do not work on this device, so this cannot be opened here. Please use a device that can make calls.
portal-unavailable-gateway = This system is reached only through your organisation's access gateway, and the list does not say where it is. Please tell your admin.

# Problem page
block-title-stopped = This page cannot be opened
block-title-unreachable = The page could not be loaded
block-title-crashed = The page stopped working
block-why-failed = The other side did not answer, or the connection broke. Your data is safe.
block-why-crashed = The part that draws this page has stopped. Other systems and the workspace are not affected.
block-next-ask = If you need it for your work, you can ask the admin to allow this host.
block-next-asked = Your request was sent to the admin. Once it is allowed, the page will open.
block-next-forbidden = If you need it, tell the admin the reason code below.
block-next-retry = Please try again in a moment. If it goes on, contact your admin.
block-ask = Ask the admin to allow it
block-retry = Try again
block-back = Back to the page before
block-home = Home
block-address = Address
block-reason = Reason code
block-rule = Nearest rule

# PIN page
pin-title = Enter your PIN
pin-title-locked = The screen is locked
pin-hint = The PIN of this workspace. It is not stored on this device.
pin-label = PIN
pin-show = Show
pin-hide = Hide
pin-open = Open
pin-checking = Checking…
pin-starting = Getting ready…
pin-caps = Caps Lock is on.
pin-tries-left = After { $tries } more wrong tries it stays shut until your admin unlocks it.
pin-org = Secure workspace

# Shell: top bar, notices, end page (secure-browser/src/shell)
ui-window = Secure workspace
ui-home = Home
ui-back = Back
ui-reload = Reload
ui-lock = Lock
ui-paste = Paste from device
ui-paste-hint = Puts the text that is copied on this device into the page, once (Ctrl+Alt+V). Nothing goes the other way.
ui-quit = Close and erase
ui-quit-sure = End the workspace? Open pages and anything not yet sent will be erased.
ui-quit-yes = Close and erase
ui-quit-no = Continue
ui-lease-hours = { $hours } h { $minutes } min left
ui-lease-minutes = { $minutes } min left
ui-lease-seconds = { $seconds } s left
ui-lease-hint = Without word from the server for this long, the workspace locks.
ui-notice-blocked = The connection to { $host } was stopped (reason code { $code }).
ui-notice-download = Files cannot be saved. Please view them on the screen only.
ui-notice-upload = This system may not receive files from here.
ui-notice-auth = The page asked for a user name and password in the browser's own dialog, which the workspace does not have. Nothing was sent.
ui-notice-camera = This system takes camera pictures only, and the workspace has no camera on this device. Nothing was sent.
ui-notice-paste-blocked = Pasting from this device is not allowed. Nothing was taken over.
ui-notice-paste-nothing = There is no text on this device's clipboard that can be pasted. Copy it again and retry.
ui-notice-print = Printing is not allowed for this system.
ui-notice-permission = { $host } was not given the camera, microphone, location or other power it asked for.
ui-notice-window = The new window was not opened.
ui-notice-policy = The allowlist was updated.
ui-notice-closed = A page that is no longer allowed was closed.
ui-close = Close
ui-dialog-says = Message from { $host }
ui-dialog-ok = OK
ui-dialog-cancel = Cancel
ui-dialog-silence = Stop messages from this page
ui-choose-title = Choose what to send to { $host }
ui-choose-hint = Only copies that you put into the hand-over folder are shown here: { $folder }
ui-choose-none = There is no file in it that this page takes. Put a copy there, then press the page's button again.
ui-choose-send = Send the marked files
ui-silent = This page is not answering.
ui-silent-stop = Stop the page
ui-silent-wait = Wait
ui-ended-title = The workspace has ended
ui-ended-safe = Nothing of the workspace remains on this device.
ui-ended-close = Close
ui-broken = The screen could not be prepared: { $why }

# Command line (secure-browser/src/cli) and session (secure-browser/src/supervisor)
cli-no-home = There is no place for the workspace: neither XDG_DATA_HOME nor HOME is set. Nothing was written. Name a folder with --profile.
cli-no-terminal = There is no terminal to ask for the PIN. Nothing was changed. Run this in a terminal, or give the PIN on standard input with --pin-stdin.
cli-link-too-long = This is too long to be an invitation. Nothing was changed. Copy the link from your admin as it is.
cli-link-other = This is not an invitation; one starts with secure-workspace://enroll?. Nothing was changed. Copy the whole link from your admin.
cli-link-part = The invitation is damaged (part "{ $part }" is missing, doubled or changed). Nothing was changed. Copy the whole link again, or scan the code.
cli-pin = PIN:
cli-pin-new = New PIN (at least 6 characters):
cli-pin-again = The same PIN again:
cli-pin-differ = The two are not the same. Nothing was kept. Try again.
cli-enrolled = This device is enrolled with { $org }. Open the workspace with "secure-browser"; you need the PIN that you have just chosen.
cli-status = { $org } ({ $server }): { $state ->
    [open] the workspace is open
    [busy] the workspace is in use by another command
    [broken] the last session did not end by itself; nothing of it was kept
   *[closed] the workspace is closed
} · policy { $version } · lease until { $lease } · last contact { $contact }
cli-wipe-nothing = There is no workspace in { $folder }. Nothing had to be erased.
cli-wipe-done = The workspace in { $folder } is erased: keys, sealed documents, names and session files are gone. To work on it again, ask your admin for a new invitation.
cli-wipe-already = The workspace in { $folder } had been wiped by your admin before; what was left of it is gone now too.
cli-wipe-owed = Your admin's server has not confirmed an earlier wipe yet; the signed receipts for it are kept and are sent when you enroll or open the workspace again.
cli-explain-allowed = Allowed: { $url } by the rule "{ $rule }" of the system "{ $system }".
cli-explain-gateway = It goes through the access gateway { $gateway } with this device's certificate, and nowhere else; the gateway decides once more.
cli-explain-denied = Not allowed: { $url } (nearest rule: { $rule }).
cli-doctor-line = { $state ->
    [holds] o holds
    [partly] ~ partly
   *[not-possible] x not possible
}  { $promise }
              { $name }: { $how }
cli-doctor-sum = { $holds } hold, { $partly } hold partly, { $not } are not possible here. { $opens ->
    [yes] All that the workspace cannot open without holds.
   *[no] Something that the workspace cannot open without is missing. Tell your admin what is marked x.
}
session-closed = The session is closed and everything in it is erased.
session-closed-idle = Nobody used the workspace for the time that your organisation allows, so it is closed and everything in it is erased. Open it again.
session-was-broken = The last session did not end by itself (power or process failure). Nothing of it was kept; your admin is told.
session-not-started = What failed: { $detail }
session-receipts-owed = The wipe is done, but the server has not confirmed it yet. The signed receipt is kept and sent at the next start.

# What holds on this device (secure-browser/src/standing.rs, src/portal/device.rs)
portal-device = What holds on this device
device-title = What holds on this device
device-how = Measured on this device by trying to break it. What does not hold is not promised.
device-back = Back to the start
device-not = Not here:
device-only-partly = In part:
device-holds = Holds ({ $count })
device-partly = Holds in part ({ $count })
device-not-possible = Does not hold on this device ({ $count })
holds-privilege-not-root = The workspace does not run as the administrator (root)
holds-room-namespaces = The workspace runs in a room that is kept apart from other programs
holds-network-interfaces = No network in the room leads outside
holds-network-tcp = Nothing in the room can connect outside by itself (TCP)
holds-network-udp = Nothing in the room can send outside by itself (UDP)
holds-network-names = Nothing in the room can look up names outside (DNS)
holds-network-families = Special kinds of connection that pass through network walls are refused
holds-display-host = Nothing in the room reaches this device's own screen and keys
holds-bus-host = Nothing in the room can give orders to other programs of this device
holds-privilege-capabilities = Programs in the room have no special rights
holds-privilege-no-new = Programs in the room cannot gain rights
holds-privilege-filter = Dangerous system calls are refused
holds-disk-host-files = Files of this device cannot be seen in the room
holds-disk-read-only = The system of this device cannot be changed from the room
holds-disk-memory-only = What you open is never written to the disk and is gone at the end
holds-process-own-only = Other programs cannot be seen from the room
holds-memory-core-dumps = A crash leaves no file with your content
holds-memory-core-pattern = How crashes are handled cannot be changed from the room
holds-memory-other-programs = Other programs of the same user cannot read what is open
holds-room-entry = Other programs of the same user cannot enter the room
holds-memory-swap = Memory is not moved out to the disk
holds-room-read-back = Each of these is attacked and checked before a page opens
holds-display-private = No program without the key gets into the workspace's screen
holds-clipboard-private = Copies stay inside the workspace, and none come in
holds-display-capture = Other programs cannot photograph the workspace's screen
holds-display-keys = Other programs cannot read the keys that you press
holds-kiosk-alone = In lent-device mode there is no way to another program
holds-screen-computer = When the computer sleeps or is locked, the workspace locks, too
holds-screen-focus = When you move to another window, the screen can be covered if your organisation wishes
holds-memory-limit = Pages may use only so much memory and cannot bring the device down
holds-memory-secrets = Keys in use are not moved out to the disk
holds-engine-sandbox = Pages are kept in a smaller box of their own inside the room
holds-input-japanese = Japanese input runs in the room; what it learned is gone at the end
holds-log-witness = The server cannot rewrite its audit log without this device noticing
holds-key-hardware = The device's key lies in hardware that does not give it out
