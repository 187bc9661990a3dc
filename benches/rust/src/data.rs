//! What is read and written: types whose text is owned (`String`) or borrowed (`&str`), and values of them.

use serde::{Deserialize, Serialize};

/// One of many equal-keyed dicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record<S> {
    pub id: u32,
    pub name: S,
    pub email: S,
    pub city: S,
    pub age: u8,
    pub score: f64,
    pub active: bool,
    pub visits: u64,
}

/// One entry of what a web API answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status<S> {
    pub id: u64,
    pub created_at: S,
    pub text: S,
    pub user: User<S>,
    pub entities: Entities<S>,
    pub coordinates: Option<Vec<f64>>,
    pub retweet_count: u32,
    pub favorited: bool,
    pub lang: S,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User<S> {
    pub id: u64,
    pub name: S,
    pub screen_name: S,
    pub description: S,
    pub url: Option<S>,
    pub followers_count: u32,
    pub verified: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entities<S> {
    pub hashtags: Vec<Hashtag<S>>,
    pub urls: Vec<S>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hashtag<S> {
    pub text: S,
    pub indices: (u16, u16),
}

/// An instance of a dataclass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order<S> {
    pub number: u32,
    pub customer: S,
    pub total: f64,
    pub items: Vec<u32>,
    pub paid: bool,
}

/// A small message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message<S> {
    pub kind: S,
    pub sender: S,
    pub sequence: u32,
    pub time: f64,
    pub payload: S,
}

/// Numbers that look random and are the same every time (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn float(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn word(&mut self) -> String {
        let len = 3 + self.below(8);
        (0..len).map(|_| (b'a' + self.below(26) as u8) as char).collect()
    }

    fn words(&mut self, count: u64) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

pub fn records(count: u32) -> Vec<Record<String>> {
    let mut random = Random(1);
    let record = |id| {
        let name = random.word();
        Record {
            id,
            email: format!("{name}@example.org"),
            name,
            city: if random.chance(10) { "Zürich".into() } else { random.word() },
            age: 18 + random.below(70) as u8,
            score: random.float() * 100.0,
            active: random.chance(70),
            visits: random.below(100_000),
        }
    };
    (0..count).map(record).collect()
}

pub fn statuses(count: u32) -> Vec<Status<String>> {
    let mut random = Random(2);
    let status = |_| Status {
        id: 1 << 60 | random.below(1 << 50),
        created_at: format!("2024-02-{:02}T12:30:{:02}Z", 1 + random.below(28), random.below(60)),
        text: {
            let words = 5 + random.below(20);
            random.words(words)
        },
        user: User {
            id: random.below(1 << 40),
            name: random.words(2),
            screen_name: random.word(),
            description: if random.chance(50) { "Grüße aus Köln 🙂".into() } else { random.words(8) },
            url: random.chance(30).then(|| format!("https://example.org/{}", random.word())),
            followers_count: random.below(100_000) as u32,
            verified: random.chance(5),
        },
        entities: Entities {
            hashtags: (0..random.below(4))
                .map(|_| {
                    let start = random.below(100) as u16;
                    Hashtag { text: random.word(), indices: (start, start + 8) }
                })
                .collect(),
            urls: (0..random.below(3)).map(|_| format!("https://t.example/{}", random.word())).collect(),
        },
        coordinates: random.chance(20).then(|| vec![random.float() * 90.0, random.float() * 180.0]),
        retweet_count: random.below(1000) as u32,
        favorited: random.chance(20),
        lang: "en".into(),
    };
    (0..count).map(status).collect()
}

pub fn orders(count: u32) -> Vec<Order<String>> {
    let mut random = Random(3);
    let order = |number| Order {
        number,
        customer: random.words(2),
        total: random.float() * 1000.0,
        items: (0..random.below(6)).map(|_| random.below(100_000) as u32).collect(),
        paid: random.chance(90),
    };
    (0..count).map(order).collect()
}

pub fn message() -> Message<String> {
    Message {
        kind: "update".into(),
        sender: "worker-17".into(),
        sequence: 4711,
        time: 1_700_000_000.25,
        payload: "temperature=21.5".into(),
    }
}

pub fn ints(count: u32) -> Vec<i64> {
    let mut random = Random(4);
    let int = |_| match random.below(4) {
        0 => random.below(256) as i64,
        1 => random.below(65536) as i64,
        2 => random.below(1 << 32) as i64 - (1 << 31),
        _ => random.next() as i64,
    };
    (0..count).map(int).collect()
}

pub fn floats(count: u32) -> Vec<f64> {
    let mut random = Random(5);
    (0..count).map(|_| random.float() * 1e6).collect()
}

pub fn texts(count: u32) -> Vec<String> {
    let mut random = Random(6);
    let text = |_| {
        let words = 1 + random.below(4);
        random.words(words)
    };
    (0..count).map(text).collect()
}

pub fn bytes(len: usize) -> Vec<u8> {
    let mut random = Random(7);
    std::iter::repeat_with(|| random.next().to_le_bytes()).flatten().take(len).collect()
}
