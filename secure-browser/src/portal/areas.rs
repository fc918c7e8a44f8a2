//! Names of areas for people. A policy writes areas as `tokyo/shinjuku`; Japanese readers get 東京都 新宿区.

use workspace_words::Lang;

/// The area `path` as people read it. Parts without a Japanese name are shown as they are written.
#[must_use]
pub fn label(path: &str, lang: Lang) -> String {
    match lang {
        Lang::Ja => {
            path.split('/').enumerate().map(|(depth, part)| japanese(depth, part)).collect::<Vec<_>>().join(" ")
        }
        Lang::En => path.rsplit('/').map(capitalised).collect::<Vec<_>>().join(", "),
    }
}

fn japanese(depth: usize, part: &str) -> String {
    let table: &[(&str, &str)] = if depth == 0 { &PREFECTURES } else { &WARDS };
    let name = table.iter().find(|(known, _)| *known == part).map(|(_, name)| *name);
    name.map_or_else(|| capitalised(part), str::to_owned)
}

fn capitalised(part: &str) -> String {
    let mut letters = part.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

#[rustfmt::skip]
const PREFECTURES: [(&str, &str); 47] = [
    ("hokkaido", "北海道"), ("aomori", "青森県"), ("iwate", "岩手県"), ("miyagi", "宮城県"), ("akita", "秋田県"),
    ("yamagata", "山形県"), ("fukushima", "福島県"), ("ibaraki", "茨城県"), ("tochigi", "栃木県"), ("gunma", "群馬県"),
    ("saitama", "埼玉県"), ("chiba", "千葉県"), ("tokyo", "東京都"), ("kanagawa", "神奈川県"), ("niigata", "新潟県"),
    ("toyama", "富山県"), ("ishikawa", "石川県"), ("fukui", "福井県"), ("yamanashi", "山梨県"), ("nagano", "長野県"),
    ("gifu", "岐阜県"), ("shizuoka", "静岡県"), ("aichi", "愛知県"), ("mie", "三重県"), ("shiga", "滋賀県"),
    ("kyoto", "京都府"), ("osaka", "大阪府"), ("hyogo", "兵庫県"), ("nara", "奈良県"), ("wakayama", "和歌山県"),
    ("tottori", "鳥取県"), ("shimane", "島根県"), ("okayama", "岡山県"), ("hiroshima", "広島県"), ("yamaguchi", "山口県"),
    ("tokushima", "徳島県"), ("kagawa", "香川県"), ("ehime", "愛媛県"), ("kochi", "高知県"), ("fukuoka", "福岡県"),
    ("saga", "佐賀県"), ("nagasaki", "長崎県"), ("kumamoto", "熊本県"), ("oita", "大分県"), ("miyazaki", "宮崎県"),
    ("kagoshima", "鹿児島県"), ("okinawa", "沖縄県"),
];

/// Wards whose romanised name is the same wherever it occurs.
#[rustfmt::skip]
const WARDS: [(&str, &str); 24] = [
    ("chiyoda", "千代田区"), ("chuo", "中央区"), ("minato", "港区"), ("shinjuku", "新宿区"), ("bunkyo", "文京区"),
    ("taito", "台東区"), ("sumida", "墨田区"), ("koto", "江東区"), ("shinagawa", "品川区"), ("meguro", "目黒区"),
    ("ota", "大田区"), ("setagaya", "世田谷区"), ("shibuya", "渋谷区"), ("nakano", "中野区"), ("suginami", "杉並区"),
    ("toshima", "豊島区"), ("kita", "北区"), ("arakawa", "荒川区"), ("itabashi", "板橋区"), ("nerima", "練馬区"),
    ("adachi", "足立区"), ("katsushika", "葛飾区"), ("edogawa", "江戸川区"), ("nishi", "西区"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_areas_have_japanese_names_and_others_stay_readable() {
        assert_eq!(label("tokyo/shinjuku", Lang::Ja), "東京都 新宿区");
        assert_eq!(label("tokyo/shinjuku", Lang::En), "Shinjuku, Tokyo");
        assert_eq!(label("osaka/sakai", Lang::Ja), "大阪府 Sakai");
        assert_eq!(label("x", Lang::Ja), "X");
    }
}
