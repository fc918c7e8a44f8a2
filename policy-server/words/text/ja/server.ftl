# server

policy-file-refused = ファイル全体を受け付けませんでした。何も変更されていません。上に示した箇所を直して、もう一度実行してください。
policy-check-good = { $file } は正しいポリシーファイルです（システム { $systems } 件、許可 { $entries } 件）。
policy-diff-same = 二つのファイルの許可内容は同じです。

## attest verify
attest-genuine = 本物の証拠です。段階は { $tier } です。
attest-refused = 拒否しました。この証拠は何も証明しません。
attest-reason = 理由: { $code }
attest-note = 記録: { $code }
attest-bad-input = 判定できませんでした（{ $cause }）。ファイルと指定を確認してください。

## the data folder and the database
data-missing = { $data } はサーバーのデータフォルダーではありません。policy-server init で作成するか、パスを確かめてください。
data-unreadable = フォルダー { $data } を使えません：{ $error }。何も変更していません。パスと所有者を確かめてください。
data-busy = { $data } は別の policy-server が使用中です。何も変更していません。そちらを使うか、先に停止してください。
data-damaged = データフォルダーのファイル { $file } が壊れているか、ほかのファイルと合いません。何も変更していません。バックアップから戻してください。
data-file = データフォルダーのファイル { $file } を読み取れません：{ $error }。何も変更していません。
store-missing = { $path } にデータベースがありません。代わりのものは作っていません。バックアップから戻すか、policy-server init で新しいサーバーを作ってください。
store-exists = { $path } にはすでにファイルがあるため、データベースを作りませんでした。何も変更していません。
store-damaged = データベースが壊れているか、policy-server のものではありません。そのまま残してあります。バックアップから戻してください。
store-newer = このデータベースは新しい版の policy-server が作ったものです。そのまま残してあります。新しい版を使ってください。
store-unwritable = データベースに書き込めません。ディスクがいっぱいか、読み取り専用です。これまでの内容は無事です。空きを作ってからやり直してください。
store-value = データベースの { $column } に、この版の知らない値があります。何も変更していません。書き込んだ版を使ってください。
store-failed = データベースで失敗しました。これまでの内容は無事で、中途半端な変更はありません。やり直してください。詳しくはログにあります。
random-failed = 乱数または鍵を用意できなかったため、何もしていません。やり直してください。
runtime-failed = 処理を始められませんでした：{ $error }。
file-unreadable = { $path } を読み取れません：{ $error }。
file-unwritable = { $path } に書き込めません：{ $error }。何も置き換えていません。
group-name = 「{ $group }」はグループ名ではありません。英小文字か数字で始まる、a-z、0-9、「-」、「_」の1～64文字にしてください。

## init
init-url = 「{ $url }」はサーバーのアドレスではありません。https://HOST または https://HOST:PORT だけを書いてください。
init-org = 組織の名前は1～100文字にしてください。
init-not-empty = フォルダー { $data } は空ではありません。そのまま残してあります。空の、または新しいフォルダーを指定してください。
init-done = サーバーを { $data } に作りました。起動：policy-server serve --data { $data }（{ $url }）
init-root-key = 組織のルート鍵は { $path } にあります。今すぐこのコンピューターから離してください（金庫に入れるUSBメモリーなど）。これを持つ人は、端末が開ける範囲を広げられます。
init-recovery = 上の復旧コードは今だけ表示されます。書き留めて、サーバーとは別に保管してください。
init-boundary-empty = 範囲（boundary）が指定されていないため、署名するまですべてのポリシーを拒否します。policy-server boundary init FILE、編集、boundary sign、boundary apply の順に行ってください。

## the root key and the boundary
root-exists = { $path } にはすでにファイルがあります。そのまま残してあります。ルート鍵の別の置き場所を指定してください。
root-unwritable = ルート鍵を { $path } に書き込めません：{ $error }。何も作っていません。
root-unreadable = ルート鍵 { $path } を読み取れません：{ $error }。
root-damaged = { $path } は policy-server のルート鍵ではないか、壊れています。何も署名していません。
boundary-faults = 範囲のファイルに誤りがあるため、全体を拒否しました。次を直してやり直してください：
boundary-refused = 範囲が拒否されたため、サーバーを作りませんでした。
boundary-unsigned = 署名された範囲ではありません。policy-server boundary sign で署名してください。
boundary-template = ひな形を { $path } に書きました。編集してから policy-server boundary sign で署名してください。
boundary-signed = 署名しました：{ $path }、版 { $version }、期限 { $expires }。policy-server boundary apply で有効にしてください。
boundary-shown-unchecked = 版 { $version }、期限 { $expires }、署名者（未確認）{ $root }。確かめるには --root-key を指定してください。
boundary-shown-good = 版 { $version }、期限 { $expires }、署名者 { $root }：署名は正しいものです。
boundary-shown-bad = 版 { $version }、署名者とされる { $root }：署名がこのルート鍵と合いません。使わないでください。
boundary-applied = 範囲の版 { $version } が有効になりました。端末にはすぐに、または次の接続で届きます。
boundary-policy-outside = グループ「{ $group }」のポリシーは範囲の外になりました。端末が拒否するため、狭いものを適用してください。

## policy, invitation
policy-applied = グループ「{ $group }」のポリシーの版 { $version } が有効になりました。端末にはすぐに、または次の接続で届きます。
policy-outside-boundary = { $file } は範囲を超えるため、全体を拒否しました。これまでのポリシーが有効です。次を狭めるか、ルート鍵で広い範囲に署名してください：
policy-boundary-empty = 有効な範囲がどのホストも許していないため、{ $file } の全体を拒否しました。組織が範囲に署名するまで、どのポリシーも通りません。policy-server boundary init、sign、apply を行ってください。これまでのポリシーが有効です。
policy-too-long = ポリシーが長すぎて送れません。何も変更していません。4 MiB 未満にしてください。
invite-user = 人の名前は1～128文字にしてください。
invite-expires = 招待の期限は1秒から7日までです。
invite-done = このリンクで { $user } の端末を1台、{ $expires } まで登録できます。本人だけに渡してください。

## devices
device-unknown = 端末「{ $name }」はありません。policy-server device list で確かめてください。
device-ambiguous = 「{ $name }」という端末が複数あります。何もしていません。IDで指定してください：
device-locked = { $label } をロックしました。解除するまで、開くことも更新することもできません。
device-released = { $label } を解除しました。もう一度開けます。暗証番号の回数も元に戻りました。
device-retired = { $label } を廃止しました。今後は何も許可されません。次の接続で自身の内容を消去し、署名付きで報告します。進み具合は policy-server device show で確かめられます。
device-requested = { $label } にはまだ何もしていません。10分間に3台を超える消去、または1日に全体の5%を超える消去には、管理者が二人必要です。別の管理者が24時間以内に policy-server device approve { $device } を実行してください。それまで端末は使えるままです。すぐに締め出すには policy-server device lock { $device } を実行してください。
device-deleted = { $label } を一覧から外しました。今後も何も許可されず、命じた消去は引き続き届けられます。
device-in-service = { $label } は使用中のため、一覧から外していません。何も変更していません。先に消去または廃止してください。
request-none = 「{ $name }」について、承認を待つ依頼はありません。何も変更していません。policy-server device show で確かめてください。
request-same = これはご自身の依頼です。{ $label } には何もしていません。別の管理者の承認が必要です。
request-expired = この依頼は24時間を過ぎたため無効です。{ $label } には何もしていません。必要であれば、もう一度依頼してください。
request-rejected = { $label } についての依頼を却下しました。端末には何もしておらず、使えるままです。
wipe-issued = { $label } の消去を命じました。もうアクセスできません。端末からの返事はまだなく、次の接続か、リースの終わりに消去されます。
wipe-no-server = { $label } の消去を命じました。もうアクセスできません。サーバーが動いていないため、命令は起動後に届きます。
wipe-accepted = { $label } は消去の命令を受け取り、実行しています。完了の返事はまだありません。
wipe-destroyed = { $label } から、鍵、セッション、プロファイルを消去したという署名付きの返事が届きました。
wipe-lease-dead = { $label } からの返事がないまま、最後のリースが終わりました。持っていたものは失われたと考えられます。もうアクセスできません。
wipe-receipt-bad = { $label } から正しくない返事が届きました。もうアクセスできませんが、消去済みとは考えず、policy-server device show で確かめてください。

## serve and the admin socket
serve-port-taken = アドレス { $address } は別のプログラムが使用中のため、サーバーを起動しませんでした。何も変更していません。そのプログラムを止めるか、別の --listen を指定してください。
serve-port-forbidden = このユーザーは { $address } で待ち受けできません。何も変更していません。--listen で1024以上のポートを指定するか、権限を与えてください。
serve-address = { $address } で待ち受けできません：{ $error }。何も変更していません。
serve-failed = サーバーを起動できませんでした：{ $error }。何も変更していません。
admin-unreachable = 動作中のサーバーが応答しません：{ $error }。命令が実行されたかどうかは分かりません。繰り返す前に確かめてください。
admin-garbled = 動作中のサーバーの返事を、この版は理解できません。サーバーと同じ版のプログラムを使ってください。

## audit
audit-good = ログは完全です：{ $entries } 件、ルート { $root }。
audit-bad = ログは完全ではありません。最初の不正な記録：{ $index }。{ $problem }。
audit-exported = { $entries } 件を { $path } に書き出しました。policy-server audit verify { $path } で確かめられます。
audit-key = { $path } は監査ログの公開鍵ではありません。
audit-nothing = { $path } は監査ログの書き出しでも、サーバーのデータフォルダーでもありません。
gateway-faults = ゲートウェイのファイル { $path } に誤りがあります。何も変更していません。次の箇所を直してください。
gateway-good = ゲートウェイのファイルに誤りはありません。経路は { $routes } 件です。
gateway-applied = ゲートウェイの経路 { $routes } 件を設定しました。停止中のサーバーには次の起動時に反映されます。
gateway-damaged = データベース内のゲートウェイの経路は、このサーバーの秘密鍵では開けません。どの経路も使われず、ゲートウェイ経由のシステムは開けません。"policy-server gateway apply" でファイルをもう一度適用してください。

## バックアップ・復元・回復・移行
backup-made = { $time } のバックアップを { $path } に書きました。開けるのは回復コードだけです。バックアップと回復コードは、この機器から離し、互いに別の場所に保管してください。
backup-no-key = このサーバーはバックアップ機能より前に作られたため、バックアップ用の鍵がありません。何も書いていません。回復コードで「policy-server recover」を一度実行してから、もう一度お試しください。
backup-code = この回復コードでは { $path } を開けません。何も復元していません。バックアップを作ったときに有効だったコードを使ってください。
backup-damaged = { $path } は壊れているか、途中で切れているか、policy-server のバックアップではありません。何も復元していません。別のバックアップを使ってください。
restore-done = サーバー { $url } を { $time } 時点の状態で { $data } に復元しました（端末 { $devices } 台）。起動：policy-server serve --data { $data }
restore-held = { $held } 台の端末を保留にしました。解除するまでどれも入れません。{ $time } より後に行った消去や廃止は、このバックアップに入っていません。控えやログの書き出しと照らし合わせ、該当する端末をもう一度消去し（policy-server device wipe 名前）、残りを解除してください（policy-server device release 名前）。
restore-trusted = 端末は { $time } 時点のとおり入れます。その後に消去・廃止した端末は、このバックアップに入っていません。すぐにもう一度消去してください。
restore-boundary = 有効な境界は版 { $version } です。その後に新しい境界に署名していた場合、端末はこの版を断ります。「policy-server boundary apply」で新しい境界をもう一度有効にしてください。
restore-invitations = 開いていた招待は、その後に使われた可能性があるため閉じました。新しく作ってください。
restore-console = その後に取り消された可能性があるため、コンソールの全員をサインアウトし、コンソールへのリンクと API トークンをすべて無効にしました。パスキーはそのまま使えます。プログラムに必要なトークンは新しく作ってください。
restore-log = ログは { $entries } 件目から続きます。それより後の記録を見た端末は、このログが正しいとルート鍵が示すまで、このサーバーを拒みます。サーバーを起動してから「policy-server audit restart --root-key FILE」を実行してください。バックアップ以降の書き出しは、このログにない記録を含むので保管してください。
log-restart-root = 端末が知っている組織のルート鍵ではありません。何も変更していません。「policy-server init」が作ったルート鍵をお使いください。
log-restart-other = このサーバーの今のログについての署名ではないか、古いものです。何も変更していません。このサーバーでもう一度「policy-server audit restart」を実行してください。
log-restarted = 別のログを見た端末も含め、端末は { $entries } 件目からこのログに従います。このことはログに残ります。ルート鍵を元の保管場所に戻してください。
restore-old-machine = 元の機器がまだ動いている、または盗まれた場合は、止めたうえで鍵を替えてください（policy-server keys rotate）。同じ鍵を持っています。
recover-ask = 回復コード：
recover-no-code = 回復コードがありません。何も変更していません。入力するか、標準入力に1行で渡してください。
recover-wrong = 有効な回復コードではありません。何も変更していませんが、ログに1行残りました。コードがなければこのサーバーは回復できません。新しく作り、端末を登録し直してください。
recover-link = 上のリンクで、アカウント「{ $account }」が一度だけ、1日以内にコンソールへ入れます。開いてパスキーを作ってください。
recover-done = 上の新しい回復コードは今だけ表示します。書き留めて、サーバーとは別の場所に保管してください。古いコードはもう使えません。ログには、気づかれずに消すことのできない1行が残りました。これまでのバックアップは古いコードでしか開かないので、新しいバックアップを作ってください。
serve-database = このサーバーのデータベースは、対になる鍵と同じ場所の { $path } です。ほかのデータベースは使えません。何も起動していません。--database を外すか、データフォルダー全体を移してください。
serve-nats = この版は1台で動き、NATS は使いません。何も起動していません。--nats を外してください。
migrate-url = 「{ $url }」は policy-server のデータベースではありません。sqlite:パス の形で書いてください。何も変更していません。
migrate-postgresql = この版のデータの置き場所は SQLite だけで、PostgreSQL は使えません。何も変更していません。sqlite:パス の形で書いてください。
migrate-differs = 写しの内容が元と一致しないため、写しを取り除きました。元はそのままです。書き込んでいるものを止めてから、もう一度お試しください。
migrate-done = { $rows } 行を { $path } に写し、数え直しました。元はそのままです。写しを使うには、サーバーを止めて DIR/server.db と置き換えてください。

## 鍵
keys-not-asked = 新しい鍵の準備がないため、何も切り替えていません。「policy-server keys rotate online」をもう一度実行してください。
keys-certificate = この証明書は、準備した鍵に対するルート鍵の証明ではありません。これまでの鍵をそのまま使います。
keys-other-root = 端末が知っている組織のルート鍵ではありません。これまでの鍵をそのまま使います。「policy-server init」で作ったルート鍵を使ってください。
keys-overlap = 重なりの期間が短すぎます。端末は最長 { $least } 分の証明書を持っています。何も変更していません。
keys-too-many = まだ信頼している以前の認証局が多すぎます。何も変更していません。どれかの期限が来るまでお待ちください（policy-server keys show）。
keys-online-rotated = 新しいオンライン鍵を使い始めました（{ $until } まで有効）。端末は自動で切り替わり、以前の鍵で署名したものは期限まで有効です。ルート鍵は元の保管場所に戻してください。
keys-tls-announced = 次の TLS 鍵を知らせました。端末は次の更新で、今の鍵と並べて覚えます。30日ほど待ってから「policy-server keys rotate tls --finish」を実行してください。ルート鍵は元の保管場所に戻してください。アクセスゲートウェイを使うシステムがあるときは、先にポリシーの「pins」に新しい鍵を加えてください。
keys-tls-counts = 新しい TLS 鍵は、サーバーの次の起動から使われます。再起動してください。使用中の端末のうち { $unheard } 台はまだこの鍵を知らず、登録し直しが必要になります。
keys-tls-none = 知らせた TLS 鍵がないため、何も変更していません。先に「policy-server keys rotate tls --root-key FILE」を実行してください。
keys-tls-other = 今の TLS 鍵と次の鍵についての署名ではないか、古いものです。何も変更していません。
keys-tls-soon = 鍵を知らせてから30日たっておらず、使用中の端末のうち { $unheard } 台がまだ知りません。このままでは登録し直しが必要になります。何も変更していません。待つか、--at-once を付けてください。
keys-ca-rotated = 新しい認証局が端末の証明書を発行します。以前の認証局の証明書は { $until } まで受け付けます。端末を確かめる他のゲートウェイにも、新しい証明書を渡してください。

## 監査ログの行と表
audit-exported-lines = { $entries } 件を { $path } に書きました。これは読むためのものです。それ自身で確かめられる書き出しは「--format folder」で作れます。
audit-folder-whole = それ自身で確かめられる書き出しはログ全体を含むため、--since と --until は使えません。何も書いていません。これらを外すか、--format json-lines または syslog を選んでください。
audit-unreadable = ログの { $index } 件目が読めないため、そこで書き出しをやめました。この書き出しは使わないでください。「policy-server audit verify」を実行してください。
table-written = { $rows } 行を { $path } に書きました。

## 計測
bench-failed = 計測を途中でやめました：{ $error }。計測用のフォルダー以外には触れていません。
## the API
api-token-missing = トークンが必要です。「Authorization: Bearer swt_...」を付けてください。何も行われていません。トークンは管理者が「policy-server token create」で作ります。
api-token-unknown = このトークンは登録されていません。何も行われていません。全体が写されているか確かめるか、新しいトークンを作ってもらってください。
api-token-expired = このトークンの期限が切れています。何も行われていません。新しいトークンを作ってもらってください。
api-token-revoked = このトークンは取り消されています。何も行われていません。作った管理者に確認してください。
api-forbidden = このトークンにはその権限がありません。何も行われていません。権限のあるトークンを使ってください。
api-not-found = その名前のものがないか、このトークンでは見られません。
api-method = このアドレスではその方法は使えません。/api/v1/openapi.json をご覧ください。
api-unreadable = 要求を読み取れなかったため、何も行われていません。誤りは「lines」にあります。
api-kind = リソースの種類ではありません。document、image、script などを指定してください。
token-made = トークン { $id } が表示されるのは今だけです。期限は { $expires } です。使うプログラムだけが読める場所に保管してください。
token-revoked = トークン { $id } を取り消しました。以後、このトークンでは何も行えません。
token-unknown = トークン { $id } はありません。何も変わっていません。「policy-server token list」で一覧を確かめてください。
token-name = トークンには1〜100文字の名前が必要です。
token-role = 「{ $role }」は役割ではありません。admin、operator、auditor のいずれかです。
token-action = 「{ $action }」は操作の名前ではありません(例：device.see、audit.see)。トークンは作られていません。
token-expires = トークンの期限は1秒から1年までです。90d のように書いてください。
webhook-url = Webhook には、利用者名と「#」のない https:// のアドレスが必要です。何も作られていません。
webhook-private = このアドレスは組織内のものですが、Webhook の設定で許されていません。何も作られていません。
webhook-ca = CA が PEM 形式の証明書ではありません。何も作られていません。
webhook-events = Webhook には知らせる種類が1つ以上必要です：wipe、refusal、tier、device、policy、admin。
webhook-event = 「{ $event }」は知らせる種類ではありません：wipe、refusal、tier、device、policy、admin。
webhook-many = Webhook はすでに { $most } 件あります。先に1つ取り除いてください。
webhook-unknown = Webhook { $id } はありません。何も変わっていません。
