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
