# 端末の証明と状態（両側）

reason-evidence-unsupported = この種類の証明は、このサーバーではまだ受け付けていません。何も保存していません。パソコンから登録するか、管理者に相談してください。
reason-hardware-missing = この端末は TPM とともに登録されましたが、その TPM を今は使えないか、別のものに変わっています。ワークスペースは開きません。サーバー側のデータは安全です。端末を再起動し、続く場合は管理者に新しい招待を依頼してください。
reason-posture-os-unsupported = この端末のシステムはセキュリティ更新の対象外のため、ワークスペースを開きませんでした。失われたものはありません。対象の版に更新するか、管理者に電話してください。
reason-posture-disk-plain = この端末のディスクは暗号化されていません。組織は暗号化を求めています。失われたものはありません。ディスクの暗号化を有効にするか、管理者に電話してください（数時間だけ開けるようにできます）。
reason-posture-screen-unlocked = この端末の画面は自動でロックされません。組織は自動ロックを求めています。失われたものはありません。システムの設定で画面の自動ロックを有効にして、開き直してください。
reason-posture-secure-boot-off = この端末はセキュアブートなしで起動しました。組織はセキュアブートを求めています。失われたものはありません。ファームウェアの設定で有効にして再起動するか、管理者に電話してください。
reason-posture-rooted = ワークスペースが必要以上の権限で動いているか、外部のプログラムが組み込まれています。何も開いていません。通常の利用者として起動するか、管理者に電話してください。
reason-posture-debugger = 別のプログラムがデバッガーのようにワークスペースを監視しています。何も開いていません。そのプログラムを終了して、開き直してください。
reason-posture-swap-plain = この端末は、メモリーの内容を暗号化されていないディスクに書き出すことがあります。失われたものはありません。スワップを暗号化するか無効にするか、管理者に電話してください。
reason-posture-screen-readers = 画面を録画または共有するプログラムが動いています。患者情報を開く前に終了するか、管理者に電話してください。
reason-posture-unknown = 組織が確かめたい項目の一つを、この端末では確認できません。失われたものはありません。secure-browser doctor でどの項目かを確かめ、管理者に電話してください。

## policy-server device appeal
appeal-made = この端末の { $check } を { $until } まで猶予します。番号 { $reference } を電話の相手に読み上げ、双方で控えてください。次に開くときから、警告のうえで使えます。
appeal-check = 「{ $check }」という確認項目はありません。何も変更していません。使えるもの：{ $known }
appeal-hours = 猶予は 1 時間から { $most } 時間までです。何も変更していません。

## policy-server attest list
trust-list-bad = リスト { $path } が壊れているか、この組織の署名ではありません。それなしでは起動していません。正しいファイルに戻すか、取り除いてください。
trust-list-unsigned = この組織のルート鍵またはこのサーバーの鍵で署名されたリストではありません。今のリストが有効なままです。policy-server attest list sign で署名してください。
trust-list-old = { $kind } のリストは期限が切れているか、今のものより新しくありません。今のリストが有効なままです。新しいものに署名してください。
trust-list-unreadable = { $path } は { $kind } のリストではありません。署名していません。ルート証明書は PEM またはその JSON 配列、失効リストは Google の形式で、4 MiB までです。
trust-list-key = 署名に使う鍵を --root-key または --data で指定してください。署名していません。
trust-list-signed = 署名しました：{ $path }（{ $kind }、{ $expires } まで）。policy-server attest list apply で有効にしてください。
trust-list-applied = { $kind } のリストが { $expires } まで有効になりました。
trust-list-none = リストはまだ登録されていません。プログラムに付属のものを使います。

## secure-browser
trust-tpm-used = この端末の TPM は、{ $state ->
    [used] 端末を証明しています
    [not-built] 使われていません（このプログラムは TPM なしで作られています）
   *[absent] 使えません：{ $why }
}。
trust-check-good = サーバーはこの端末を受け入れます（{ $level }）。
trust-status-tier = この端末を証明しているもの：{ $tier ->
    [tpm] TPM
   *[software] ソフトウェアの鍵（TPM は使っていません）
}
