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
device-retired = { $label } を廃止しました。今後は何も許可されません。
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
gateway-applied = ゲートウェイの経路 { $routes } 件を設定しました。動作中のサーバーには 2 秒以内に、停止中なら次の起動時に反映されます。
