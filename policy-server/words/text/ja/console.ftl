# console

console-language-name = 日本語
console-skip = 本文へ移動
console-nav = メニュー
console-nav-overview = 概要
console-sign-out = サインアウト
console-back = 戻る
console-zone = 時刻は { $zone } で表示しています。
console-trouble-title = 表示できません
console-forbidden = この操作は、あなたの役割では許可されていません。何も変更していません。必要な場合は管理者に相談してください。
console-missing = お探しのページ、または項目はありません。何も変更していません。メニューから選び直してください。
console-garbled = 送られた内容を読み取れないため、何も変更していません。前のページに戻って、もう一度お試しください。
console-forged = このコンソールのページから送られたものと確認できないため、拒否しました。何も変更していません。ページを読み込み直して、もう一度お試しください。
console-signed-out = サインインの期限が切れたため、何も変更していません。サインインしてから、もう一度お試しください。
console-needs-script = パスキーを使うには、このブラウザーで JavaScript を有効にしてください。

## overview
console-overview-title = 概要

## sign-in
console-sign-in-title = サインイン
console-sign-in-lead = 登録したパスキー（指紋、顔、画面ロック、またはセキュリティキー）でサインインします。パスワードはありません。
console-sign-in-passkey = パスキーでサインイン
console-too-often = 短い時間に試した回数が多すぎます。何も変更していません。{ $minutes } 分ほど待ってから、もう一度お試しください。
console-sign-in-refused = このパスキーではサインインできません。何も変更していません。別のパスキーで試すか、管理者に新しいリンクを依頼してください。
console-passkey-failed = パスキーの操作が完了しませんでした。何も変更していません。もう一度お試しください。続く場合は、証明書の警告が出ていないか確かめてください（警告のあるページではパスキーを使えません）。
console-passkey-late = 時間がたちすぎたか、すでに使われた操作です。何も変更していません。もう一度お試しください。
console-passkey-refused = パスキーを確認できませんでした。何も登録していません。もう一度お試しください。
console-passkey-not-kept = このパスキーはすでに登録されているか、数が多すぎます（20個まで）。何も変更していません。
console-passkey-last = 最後のパスキーは削除できません。先に新しいパスキーを追加してください。

## one-time link
console-start-title = パスキーの登録
console-start-lead = 「{ $name }」のパスキーを、この端末に作ります。次からは指紋、顔、画面ロック、またはセキュリティキーでサインインします。
console-start-certificate = ブラウザーが証明書の警告を出しているあいだは、パスキーを作れません。その場合は、管理者の手引きの「コンソールの証明書」をご覧ください。
console-link-over = このリンクは使用済みか、期限が切れています。何も変更していません。管理者に新しいリンクを依頼するか、サーバーで policy-server console link を実行してください。
console-passkey-label = パスキーの名前
console-passkey-label-hint = どの端末のものか分かる名前（例：事務所のPC）。空のままでもかまいません。
console-passkey-create = パスキーを作る
console-passkey-more = パスキーを追加する
console-passkey-needs-name = パスキーは { $host } のような数字のアドレスでは使えません。サーバーを https://名前 の形の --url で作り直してください。
console-passkey-only = 唯一のパスキー
console-passkey-remove-one = パスキー「{ $label }」を削除
console-remove = 削除
console-nav-own = 自分の設定
console-nav-accounts = アカウント
console-own-title = 自分のパスキーとセッション
console-passkeys = パスキー
console-made-at = 作成
console-used-at = 最後に使用
console-never = まだありません
console-change = 操作
console-sessions-own = サインイン中のブラウザー
console-sessions-all = サインイン中の人
console-sessions-hint = セッションは15分使わないと、または8時間で終わります。心当たりのないものは終了してください。
console-session-browser = ブラウザー
console-session-address = 接続元
console-session-since = 開始
console-session-this = この画面
console-session-end = 終了

## accounts
console-accounts-title = アカウント
console-accounts = 登録されている人
console-account-name = アカウント名
console-account-role = 役割
console-account-scope = 担当範囲
console-account-disabled = { $at } から停止中
console-account-new = アカウントを作る
console-account-make = 作成してリンクを表示
console-account-link = リンクを作る
console-account-link-for = 「{ $name }」のリンクを作る
console-account-link-title = 「{ $name }」の登録用リンク
console-account-link-lead = 今だけ表示されます。本人だけに、電話や対面など安全な方法で渡してください。1回、24時間以内に使えます。
console-account-disable = 停止
console-account-disable-one = 「{ $name }」を停止
console-account-enable = 再開
console-account-enable-one = 「{ $name }」を再開
console-account-unknown = アカウント「{ $name }」はないか、停止中です。何も変更していません。名前を確かめてください。
console-account-there = この名前のアカウントはすでにあります。別の名前にしてください。
console-account-name-wrong = 名前は1～64文字にしてください。「=」は使えません。
console-account-role-wrong = 役割を選んでください。
console-account-scope-wrong = 担当範囲は、組織全体かグループから選んでください。
console-account-own = 自分のアカウントは停止できません。何も変更していません。ほかの管理者に依頼してください。
console-scope-organisation = 組織全体
console-role-admin = 管理者
console-role-admin-hint = すべてを設定できる
console-role-operator = 担当者
console-role-operator-hint = 端末の招待、ロック、消去ができる
console-role-auditor = 監査担当
console-role-auditor-hint = 閲覧だけできる

## recovery
console-recovery-link = パスキーをなくした場合
console-recovery-title = 復旧コードでサインイン
console-recovery-lead = 保管している復旧シートのコードで、一度だけサインインできます。使うと新しいコードに変わり、ほかのセッションはすべて終了します。
console-recovery-code = 復旧コード
console-recovery-hint = 英数字25文字。ハイフンや大文字・小文字は問いません。
console-recovery-enter = サインイン
console-recovery-refused = アカウント名または復旧コードが正しくありません。何も変更していません。シートを見て、もう一度入力してください。
console-sheet-title = 復旧シート
console-sheet-server = サーバー
console-sheet-made = 作成
console-sheet-keep = このページを印刷するか書き写し、サーバーとは別の、鍵のかかる場所に保管してください。このコードは今だけ表示されます。
console-sheet-use = パスキーをすべてなくしたときに、サインイン画面の「パスキーをなくした場合」から使います。
console-sheet-once = コードは一度使うと無効になり、新しいシートが表示されます。以前のコードで開けるのは、それまでに作ったバックアップだけです。
console-sheet-print = 印刷
console-sheet-done = 保管しました

## first steps
console-setup-step = 手順 { $at }／{ $of }
console-setup-next = 次へ
console-setup-later = 後で行う
console-setup-done = 終了して概要へ
console-setup-recovery-title = 復旧シート
console-setup-recovery-lead = パスキーをすべてなくしても入れるように、復旧コードを紙で保管します。ここで作ると、init が表示したコードは無効になります。
console-setup-recovery-make = 新しいコードのシートを作る
console-setup-recovery-keep = init が表示したコードをそのまま使う
console-setup-systems-title = 使うシステム
console-setup-systems-lead = 職員がワークスペースで開くシステムを選んでください。選ばなかったものは開けません。後から追加や変更ができます。
console-setup-hosts = 許可するホスト：{ $hosts }
console-setup-vendor = 提供元に確認してください
console-setup-host = 「{ $title }」のホスト名
console-setup-host-wrong = ホスト名だけを書いてください（例：orthanc.clinic.jp）。https:// や / は付けません。
console-setup-nothing = 一つ以上選んでください。
console-setup-boundary-title = 範囲への署名
console-setup-boundary-lead = サーバーが乗っ取られても広げられないように、開ける範囲はルート鍵で署名します。ルート鍵はこのサーバーには送りません。
console-setup-boundary-file = 署名する範囲
console-setup-boundary-download = boundary.toml を保存
console-setup-boundary-sign = 署名と適用
console-setup-boundary-where = ルート鍵のあるコンピューターで1行目を実行し、できた boundary.signed をサーバーに移して2行目を実行してください。
console-setup-boundary-key = USBメモリーに移した場合は、root.key をそのパスに置き換えてください。
console-setup-key-here = ルート鍵がまだサーバーの { $path } にあります。そのままこのサーバーで次の2行を実行できますが、終わったらUSBメモリーなどへ移し、ここから削除してください。
console-setup-boundary-version = 有効な範囲：版 { $version }
console-setup-boundary-waits = 選んだシステムを許す範囲を待っています。適用されると、この表示が変わります。
console-setup-boundary-ready = 選んだシステムを許しています
console-setup-invite-title = 最初の端末の招待
console-setup-invite-lead = 端末を使う人の名前を入れると、一度だけ使える招待を作ります。
console-setup-invite-person = 使う人の名前
console-setup-invite-make = 招待を作る
console-setup-invite-made = { $person } さんの招待
console-setup-invite-how = 端末で secure-browser enroll に続けて下のリンクを入れるか、QRコードを読み取ってください。{ $expires } まで、1台だけに使えます。今だけ表示されます。
console-setup-invite-qr = 招待のQRコード

## command line
console-cli-link = { $name } 用の一回限りのリンクです。{ $expires } まで使えます。ブラウザーで開き、パスキーを作ってください。
console-cli-certificate = { $host } の証明書を入れました（期限 { $expires }）。動作中のサーバーは再起動すると使い始めます。端末には影響しません。
console-cli-pem = 証明書と鍵の組として読み取れません。何も変更していません。PEM形式で、証明書が先頭にあり、鍵がその証明書のものであることを確かめてください。
console-cli-host = この証明書は { $host } のものではありません。何も変更していません。そのホスト名を含む証明書を使ってください。
console-cli-over = この証明書の期限は { $expires } に切れています。何も変更していません。
console-cli-init = 最後の行は、最初の管理者のパスキーを作るための、一回限りのリンクです（24時間有効）。サーバーを起動してから、ブラウザーで開いてください。
