### 承認待ちの指示

pages-act-requests = 端末の消去または廃止の指示 { $count } 件が、別の管理者の承認を待っています。内容を確かめて決めてください。
pages-act-requests-own = あなたが出した、端末の消去または廃止の指示 { $count } 件が、別の管理者の承認を待っています。
pages-many-waits = 別の管理者の承認を待っています。まだ何も消去していません
pages-order-approval-by = { $by } さんが { $time } に指示し、別の管理者の承認を待っています（まだ何も消去していません）
pages-waiting-agreed = 一覧の端末を確かめ、{ $by } さんに（画面の外で）事情を聞きました。消去に同意します。
pages-waiting-approve = 承認して消去する
pages-waiting-at = 指示
pages-waiting-batch = { $by } さんの指示（{ $count } 台）
pages-waiting-by-command = サーバーの管理コマンド（{ $name }）
pages-waiting-by-token = API トークン（{ $name }）
pages-waiting-done = 結果
pages-waiting-lead = 短い間に多くの端末を消去するには、管理者がもう一人必要です。だれか一人の誤りや、盗まれた権限で、すべての端末が失われないようにするためです。
pages-waiting-link = 承認待ちの指示を見る
pages-waiting-means = 承認すると、選んだ端末はただちにどのシステムにもアクセスできなくなり、次に連絡できたときに鍵と内容を消去します。取り消せません。
pages-waiting-none = 承認を待っている指示はありません。
pages-waiting-own = あなたが出した指示は、あなた自身では承認できません。別の管理者に、この画面を開いてもらってください。
pages-waiting-refused = 承認しませんでした。端末はそのまま使えます
pages-waiting-reject = 承認しない
pages-waiting-take-back = 指示を取り下げる
pages-waiting-title = 承認待ちの指示
pages-waiting-until = { $at }（期限 { $until }）
pages-waiting-what = 内容

### 受領書の確認

receipt-good = 受領書は正しく署名されています。端末 { $device } が { $time } に「{ $stage }」を伝えました。監査ログの device.receipt の記録に、同じ sha256 があることを確かめてください：{ $digest }
receipt-unreadable = { $path } は、コンソールからダウンロードした受領書ではありません。ファイルを選び直してください。
receipt-wrong = { $path } の受領書は、端末の署名と合いません。書き換えられたか、別の端末のものです。消去の証拠として使わず、コンソールからもう一度ダウンロードしてください。

### お知らせ

notice-posted = お知らせ { $id } を出しました（{ $until } まで）。つながっている端末のポータルには、すぐに表示されます。
notice-withdrawn = お知らせ { $id } を取り下げました。
notice-text = お知らせの文は、1 文字以上 { $most } 文字以内の一行で入力してください。何も出していません。
notice-until = 終わりの日は、今日から 92 日後までの間で選んでください。何も出していません。
notice-many = 同じ相手へのお知らせは、同時に { $most } 件までです。古いお知らせを取り下げてから、もう一度出してください。
notice-unknown = お知らせ { $id } はありません。もう取り下げられたか、期限が過ぎています。
pages-notices-en = 英語の文（なければ日本語の文を表示します）
pages-notices-for = だれに
pages-notices-hint = 利用者のポータルの一番上に表示されます。患者さんの名前や、個人の情報は書かないでください。
pages-notices-ja = 日本語の文（200 文字まで）
pages-notices-new = お知らせを出す
pages-notices-none = 表示中のお知らせはありません。
pages-notices-now = 表示中のお知らせ
pages-notices-post = 出す
pages-notices-text = 文
pages-notices-title = お知らせ
pages-notices-until = 表示の終わり
pages-notices-withdraw = 取り下げる
pages-notices-withdraw-one = 取り下げる：{ $text }
portal-news = お知らせ
ui-notice-news = 組織からのお知らせがあります。ポータルで読めます。

### 外部の認証サービスによるサインイン

console-provider-title = 外部サービスでサインイン
console-provider-button = { $host } でサインイン
console-provider-out = サインインのため { $host } へ移動します。アドレス欄が { $host } になったことを確かめてください。
console-provider-go = { $host } へ進む
console-provider-in = { $name } さんとしてサインインしました。
console-provider-on = コンソールへ進む
console-provider-late = このサインインは期限切れか、別のブラウザで始められたか、もう使われています。何も変更していません。サインインの画面からやり直してください。
console-provider-refused = 認証サービスの返事が正しくないため、サインインできません。何も変更していません。もう一度試し、続くときは管理者に監査ログ（session.begin）を確かめてもらってください。
console-provider-unlinked = この人は、まだどのアカウントにもつながれていません。何も変更していません。管理者に、次の識別子を（電話などで本人と確かめたうえで）「外部の認証サービス」の画面でつないでもらってください：{ $subject }
console-provider-unreached = { $host } に接続できないため、今は外部サービスでサインインできません。何も変更していません。パスキーでサインインするか、あとでもう一度試してください。
pages-provider-title = 外部の認証サービス
pages-provider-lead = 組織の認証サービス（OpenID Connect）で、管理者がサインインできるようにします。だれがどのアカウントで入れるかは、ここでつないだ識別子（sub）だけで決まります。メールアドレスは使いません。
pages-provider-links = サインインできる人
pages-provider-links-none = つながれている人はいません。
pages-provider-link = 人をつなぐ
pages-provider-link-hint = 本人に一度サインインを試してもらうと、断られた画面に識別子が表示されます。電話などで本人と確かめてから入力してください。
pages-provider-link-do = つなぐ
pages-provider-unlink = 外す
pages-provider-unlink-one = { $name } から外す
pages-provider-subject = 識別子（sub）
pages-provider-issuer = 発行者（issuer）
pages-provider-other = 今の設定とは別のサービス
pages-provider-settings = 設定
pages-provider-none = 設定されていません。サインインはパスキーだけです。
pages-provider-held = { $issuer } を使っています。
pages-provider-redirect = 認証サービスに登録する戻り先（redirect URI）：
pages-provider-client = クライアント ID
pages-provider-secret = クライアントシークレット
pages-provider-secret-hint = 公開クライアントなら空のままにします。
pages-provider-secret-held = 登録済みです。変えるときだけ入力してください。
pages-provider-console = コンソールのアドレス
pages-provider-private = 認証サービスは組織の中（プライベートアドレス）にある
pages-provider-ca = 認証サービスの CA 証明書（PEM。公開の CA なら不要）
pages-provider-set = 確かめて保存する
pages-provider-remove = 認証サービスを外す
provider-set = { $issuer } でサインインできるようにしました。認証サービスには、戻り先 { $redirect } を登録してください。次に「policy-server console identity link」で人をつなぎます。
provider-removed = 認証サービスを外しました。サインインはパスキーだけです。
provider-none = 認証サービスは設定されていません。
provider-issuer = 発行者（issuer）は、https:// で始まるアドレスで入力してください。何も変更していません。
provider-client = クライアント ID を入力してください（200 文字まで）。何も変更していません。
provider-secret = クライアントシークレットが長すぎます。何も変更していません。
provider-console = コンソールのアドレスは、https://{ $host } に必要ならポートを付けた形で入力してください。何も変更していません。
provider-subject = 識別子（sub）は、1 文字以上 255 バイト以内の一行で入力してください。何も変更していません。
provider-unreached = { $issuer } から正しい返事がないため、何も変更していません（{ $why }）。発行者のアドレス、CA 証明書、プライベートアドレスの設定を確かめてください。
provider-linked = { $subject } は、もう別のアカウントにつながれています。何も変更していません。
provider-unlinked = { $subject } は、どのアカウントにもつながれていません。
provider-link-made = { $subject } は、{ $name } としてサインインできます。
provider-link-gone = { $subject } は、もう { $name } としてサインインできません。そのサインインで開いた画面も閉じました。

pages-import-fault = 読み取れませんでした（{ $cause }）。何も変更していません。Chrome や Edge の URLAllowlist を含む JSON、または暗号化していない Safe Exam Browser の設定を選んでください。
pages-import-file = ファイルを選ぶ（.json または .seb）

### グループと役割

pages-group-new = 新しいグループ
pages-group-name = グループの名前
pages-group-hint = 半角の英小文字・数字・ハイフン（例：home-care）。最初のポリシーの下書きを作ると、グループができます。
pages-group-begin = 始める
pages-role-change = 役割を変える
pages-role-of = { $name } の役割
pages-scope-of = { $name } の範囲
pages-role-do = 変える

### コンソールを開ける端末

policy-console = このポリシーは、管理用のコンソール（{ $url }）を、ソフトウェアの鍵だけの個人端末から開けるようにするため、断りました。古いポリシーはそのままです。コンソールのホストを外すか、[attestation] の minimum を「tpm」などにしてください。
