# browser

# Portal (secure-browser/src/portal)
portal-title = ワークスペース
portal-hello = { $user } さん
portal-theme = 明るさ
portal-search = システムの名前や地域でさがす
portal-areas = 地域
portal-areas-all = すべての地域
portal-near = 近隣の地域
portal-none-found = 見つかりませんでした。ことばを短くするか、地域を「すべての地域」にしてください。
portal-no-systems = このワークスペースで使えるシステムはまだありません。管理者が登録すると、ここに表示されます。
portal-promise = ここで開いた内容はこの端末に保存されません。コピーと貼り付けはワークスペースの中だけで使えます。
portal-version = 許可リスト 第{ $version }版
portal-kind-collaboration = 多職種連携
portal-kind-records = 診療・介護記録
portal-kind-viewer = 画像・検査閲覧
portal-kind-meeting = ビデオ会議
portal-kind-map = 地域資源マップ
portal-kind-beds = 空床検索
portal-kind-monitoring = 在宅モニタリング
portal-kind-desktop = 仮想デスクトップ
portal-kind-statistics = 統計
portal-kind-other = その他
portal-power-camera = カメラ
portal-power-microphone = マイク
portal-power-location = 位置情報
portal-power-no-print = この端末では印刷できません
portal-power-no-camera = この端末では撮影して送れません
portal-unavailable-calls = この端末ではビデオ通話ができないため開けません。通話のできる端末をお使いください。
portal-unavailable-gateway = このシステムは組織のアクセスゲートウェイからしか開けませんが、許可リストにその場所が書かれていません。管理者にお知らせください。

# Problem page
block-title-stopped = このページは開けません
block-title-unreachable = ページを読み込めませんでした
block-title-crashed = ページの表示が止まりました
block-why-failed = 接続先から応答がないか、途中で切れました。データは安全です。
block-why-crashed = ページを表示する部分が停止しました。ほかのシステムやワークスペースには影響ありません。
block-next-ask = 仕事に必要なときは、このホストを許可するよう管理者に依頼できます。
block-next-asked = 管理者に依頼を送りました。許可されると、このまま開けるようになります。
block-next-forbidden = 必要なときは、下の理由コードを管理者に伝えてください。
block-next-retry = しばらくしてから、もう一度お試しください。続くときは管理者に連絡してください。
block-ask = 管理者に許可を依頼
block-retry = もう一度読み込む
block-back = 前のページに戻る
block-home = 入口へ
block-address = アドレス
block-reason = 理由コード
block-rule = 近い許可ルール

# PIN page
pin-title = PIN を入力してください
pin-title-locked = 画面をロックしています
pin-hint = このワークスペースの PIN です。端末には保存されません。
pin-label = PIN
pin-show = 表示
pin-hide = 隠す
pin-open = 開く
pin-checking = 確認しています…
pin-starting = 準備しています…
pin-caps = Caps Lock がオンになっています。
pin-tries-left = あと { $tries } 回まちがえると、管理者の解除が必要になります。
pin-org = セキュアワークスペース

# Shell: top bar, notices, end page (secure-browser/src/shell)
ui-window = セキュアワークスペース
ui-home = 入口
ui-back = 戻る
ui-reload = 再読み込み
ui-lock = ロック
ui-paste = 端末から貼り付け
ui-paste-hint = 端末でコピーした文字を、ページに一度だけ貼り付けます（Ctrl+Alt+V）。逆向きには何も出ません。
ui-quit = 終了して消去
ui-quit-sure = ワークスペースを終了しますか。開いているページと入力中の内容は消去されます。
ui-quit-yes = 終了して消去
ui-quit-no = 続ける
ui-lease-hours = 残り { $hours }時間{ $minutes }分
ui-lease-minutes = 残り { $minutes }分
ui-lease-seconds = 残り { $seconds }秒
ui-lease-hint = サーバーと通信できないまま、この時間が過ぎるとロックされます。
ui-notice-blocked = { $host } への接続を止めました（理由コード { $code }）。
ui-notice-download = ファイルの保存はできません。内容は画面で見るだけにしてください。
ui-notice-upload = ファイルの送信はこのシステムでは許可されていません。
ui-notice-auth = ページがブラウザーのダイアログで利用者名とパスワードを求めましたが、ワークスペースでは使えません。何も送信していません。
ui-notice-camera = このシステムに送れるのはカメラの写真だけですが、この端末ではワークスペースからカメラを使えません。何も送信していません。
ui-notice-paste-blocked = 端末からの貼り付けは許可されていません。何も取り込んでいません。
ui-notice-paste-nothing = 端末のクリップボードに貼り付けられる文字がありません。もう一度コピーしてからお試しください。
ui-notice-print = 印刷はこのシステムでは許可されていません。
ui-notice-permission = { $host } によるカメラ・マイク・位置情報などの使用を止めました。
ui-notice-window = 新しいウィンドウは開けませんでした。
ui-notice-policy = 許可リストが更新されました。
ui-notice-closed = 許可されなくなったページを閉じました。
ui-close = 閉じる
ui-dialog-says = { $host } からのメッセージ
ui-dialog-ok = OK
ui-dialog-cancel = キャンセル
ui-dialog-silence = このページのメッセージを止める
ui-choose-title = { $host } に送るファイルを選んでください
ui-choose-hint = 受け渡しフォルダーに置いたファイルだけが表示されます: { $folder }
ui-choose-none = このページに送れるファイルがありません。受け渡しフォルダーにコピーを置いてから、ページのボタンをもう一度押してください。
ui-choose-send = 選んだファイルを送る
ui-silent = このページは応答していません。
ui-silent-stop = ページを止める
ui-silent-wait = 待つ
ui-ended-title = ワークスペースを終了しました
ui-ended-safe = ワークスペースの内容はこの端末に残っていません。
ui-ended-close = 閉じる
ui-broken = 画面を準備できませんでした: { $why }

# コマンドライン（secure-browser/src/cli）とセッション（secure-browser/src/supervisor）
cli-no-home = ワークスペースの置き場所がありません（XDG_DATA_HOME も HOME も設定されていません）。何も書き込んでいません。--profile でフォルダーを指定してください。
cli-no-terminal = PIN を尋ねる端末がありません。何も変更していません。端末で実行するか、--pin-stdin を付けて標準入力から PIN を渡してください。
cli-link-too-long = 長すぎるため、招待ではありません。何も変更していません。管理者から受け取ったリンクをそのままコピーしてください。
cli-link-other = 招待ではありません。招待は secure-workspace://enroll? で始まります。何も変更していません。管理者から受け取ったリンク全体をコピーしてください。
cli-link-part = 招待が壊れています（「{ $part }」の部分が足りないか、重複しているか、変わっています）。何も変更していません。リンク全体をもう一度コピーするか、コードを読み取ってください。
cli-pin = PIN：
cli-pin-new = 新しい PIN（6 文字以上）：
cli-pin-again = もう一度同じ PIN：
cli-pin-differ = 二つの PIN が一致しません。何も保存していません。もう一度入力してください。
cli-enrolled = この端末を { $org } に登録しました。secure-browser でワークスペースを開いてください。いま決めた PIN が必要です。
cli-status = { $org }（{ $server }）：{ $state ->
    [open] ワークスペースは開いています
    [busy] ワークスペースは別のコマンドが使用中です
    [broken] 前回のセッションは途中で終わりました。内容は残っていません
   *[closed] ワークスペースは閉じています
}・ポリシー { $version }・利用許可 { $lease } まで・最後の連絡 { $contact }
cli-wipe-nothing = { $folder } にワークスペースはありません。消去するものはありませんでした。
cli-wipe-done = { $folder } のワークスペースを消去しました。鍵、封印した文書、名前、セッションのファイルはすべてなくなりました。再び使うには、管理者に新しい招待を依頼してください。
cli-wipe-already = { $folder } のワークスペースはすでに管理者が消去していました。残っていた記録も消しました。
cli-wipe-owed = 以前の消去を管理者のサーバーがまだ確認していません。署名した報告は保管してあり、次に登録するか開いたときに送ります。
cli-explain-allowed = 許可されています：{ $url }（システム「{ $system }」の規則「{ $rule }」）
cli-explain-gateway = アクセスゲートウェイ { $gateway } をこの端末の証明書で通り、ほかの経路は使いません。ゲートウェイでもう一度判断します。
cli-explain-denied = 許可されていません：{ $url }（最も近い規則：{ $rule }）
cli-doctor-line = { $state ->
    [holds] ○ 有効
    [partly] △ 一部
   *[not-possible] × 不可能
}　{ $promise }
              { $name }：{ $how }
cli-doctor-sum = 有効 { $holds } 件・一部 { $partly } 件・不可能 { $not } 件。{ $opens ->
    [yes] ワークスペースを開くのに欠かせない保護はすべて有効です。
   *[no] ワークスペースを開くのに欠かせない保護が足りません。上の × を管理者に伝えてください。
}
session-closed = セッションを終了し、内容をすべて消去しました。
session-closed-idle = 組織が定めた時間、操作がなかったため、セッションを終了し、内容をすべて消去しました。開き直してください。
session-was-broken = 前回のセッションは途中で終わりました（電源またはプロセスの障害）。内容は残っていません。管理者に知らせます。
session-not-started = 失敗した箇所：{ $detail }
session-receipts-owed = 消去は終わりましたが、サーバーがまだ確認していません。署名した報告は保管してあり、次の起動時に送ります。

# What holds on this device (secure-browser/src/standing.rs, src/portal/device.rs)
portal-device = この端末で守られること
device-title = この端末で守られること
device-how = この端末で実際に破ろうとして確かめた結果です。守られないものは、守られるとは言いません。
device-back = 入口へ戻る
device-not = 【守られません】
device-only-partly = 【一部だけ】
device-holds = 守られます（{ $count }）
device-partly = 一部だけ守られます（{ $count }）
device-not-possible = この端末では守られません（{ $count }）
holds-privilege-not-root = 管理者（root）の権限では動きません
holds-room-namespaces = ワークスペースは、ほかのプログラムから分けた部屋の中で動きます
holds-network-interfaces = 部屋の中に、外へつながるネットワークはありません
holds-network-tcp = 部屋から外へ直接つなぐことはできません（TCP）
holds-network-udp = 部屋から外へ直接送ることはできません（UDP）
holds-network-names = 部屋から外の名前を調べることはできません（DNS）
holds-network-families = ネットワークの仕切りを越える特殊な通信はできません
holds-display-host = 部屋から、この端末の画面やキー入力には触れられません
holds-bus-host = 部屋から、この端末のほかのプログラムに命令できません
holds-privilege-capabilities = 部屋の中のプログラムには、特別な権限がありません
holds-privilege-no-new = 部屋の中のプログラムは、権限を増やせません
holds-privilege-filter = 危険なシステム命令は拒否されます
holds-disk-host-files = この端末のファイルは、部屋の中から見えません
holds-disk-read-only = この端末のシステムは、部屋の中から書き換えられません
holds-disk-memory-only = 開いた内容はディスクに書かれず、終了とともに消えます
holds-process-own-only = ほかのプログラムは、部屋の中から見えません
holds-memory-core-dumps = 異常終了しても、内容がファイルに残りません
holds-memory-core-pattern = 異常終了時の扱いを、部屋の中から変えられません
holds-memory-other-programs = 同じ利用者のほかのプログラムは、開いている内容を読み取れません
holds-room-entry = 同じ利用者のほかのプログラムは、部屋に入れません
holds-memory-swap = メモリーの内容は、ディスクに退避されません
holds-room-read-back = これらの保護は、ページを開く前に毎回、破れないか試されます
holds-display-private = ワークスペースの画面には、合い鍵のないプログラムは入れません
holds-clipboard-private = コピーした内容は、ワークスペースの外に出ず、外からも入りません
holds-display-capture = ほかのプログラムは、ワークスペースの画面を撮影できません
holds-display-keys = ほかのプログラムは、入力したキーを読み取れません
holds-kiosk-alone = 貸出端末モードでは、ほかのプログラムに切り替えられません
holds-screen-computer = スリープや画面ロックのときは、ワークスペースもロックします
holds-screen-focus = 別のウィンドウに移ったとき、組織の設定により画面を覆えます
holds-memory-limit = ページが使うメモリーには上限があり、端末を止められません
holds-memory-secrets = 使用中の鍵は、ディスクに退避されません
holds-engine-sandbox = ページは、部屋の中でさらに小さな囲いに入ります
holds-input-japanese = 日本語入力は部屋の中で動き、覚えた変換も終了とともに消えます
holds-log-witness = サーバーが監査ログを書き換えると、この端末が気づきます
holds-key-hardware = 端末の鍵は、取り出せない専用の部品に入っています
