//! The stories that come with the page, each with a question to answer before one looks, in English and in Chinese.

use serde::Serialize;

/// A text in English and in Chinese.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Chinese.
    pub zh: &'static str,
}

/// A lesson.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lesson {
    /// Its name, in file names and tests.
    pub name: &'static str,
    /// Its title.
    pub title: Text,
    /// The question.
    pub ask: Text,
    /// The answer, shown at the end of the story.
    pub told: Text,
    /// The story.
    pub story: &'static str,
}

/// The lessons, in their order.
pub const LESSONS: [Lesson; 13] = [
    Lesson {
        name: "plain",
        title: Text { en: "One call", zh: "一次调用" },
        ask: Text { en: "How many frames does one call cost?", zh: "一次调用要用几个帧?" },
        told: Text {
            en: "Three: CALL, REPLY, and later an ACK, by which the server may forget the reply. A call that follows at once says the same with its number, so a busy client sends no ACK.",
            zh: "三个:CALL、REPLY,以及稍后的 ACK。收到 ACK 之后,服务器就可以丢掉缓存的应答。如果马上有下一次调用,它的序号就起到同样的作用,所以忙的客户端不发 ACK。",
        },
        story: "v1.1.on.1_a0.s5",
    },
    Lesson {
        name: "lost-request",
        title: Text { en: "A lost request", zh: "请求丢失" },
        ask: Text {
            en: "The CALL is lost on the way. What does the client see, and when?",
            zh: "CALL 在路上丢了。客户端什么时候、怎么知道?",
        },
        told: Text {
            en: "It sees nothing. After a second without a reply it sends the call again, under the same slot and sequence number. The caller only notices that the call took longer.",
            zh: "它什么也看不到。一秒钟没有应答,它就用同一个槽和同一个序号重传。调用者只觉得这次调用慢了一点。",
        },
        story: "v1.1.on.1_a0.d1u2.s6",
    },
    Lesson {
        name: "lost-reply",
        title: Text { en: "A lost reply", zh: "应答丢失" },
        ask: Text {
            en: "The handler ran, and its reply is lost. The client sends the call again. How often does the handler run?",
            zh: "处理函数已经运行,应答却丢了。客户端会重传。处理函数一共运行几次?",
        },
        told: Text {
            en: "Once. The record of the slot says that call 1 has run, and keeps its reply. The retransmission is a duplicate: the server sends the kept reply again.",
            zh: "一次。槽的记录说明 1 号调用已经运行,并缓存了应答。重传是重复请求:服务器只把缓存的应答再发一遍。",
        },
        story: "v1.1.on.1_a0.s2.d1d2.s5",
    },
    Lesson {
        name: "filter-off",
        title: Text { en: "The same without the filter", zh: "同样的事,没有重复过滤" },
        ask: Text {
            en: "The same story with the duplicate filter off. What is in the store at the end?",
            zh: "同样的故事,但关掉重复过滤。最后存的是什么?",
        },
        told: Text {
            en: "`aa`: one append is there twice. This is at least once. Switch the filter on above, and the same clicks give `a`.",
            zh: "`aa`:一次 append 出现了两次。这就是“至少一次”。在上面打开重复过滤,同样的点击得到 `a`。",
        },
        story: "v1.1.off.1_a0.s2.d1d2.s6",
    },
    Lesson {
        name: "split",
        title: Text { en: "A split that heals", zh: "网络分区与恢复" },
        ask: Text {
            en: "Nothing passes, so the client sends its call again. Then the network heals, and both copies arrive. What happens to the second one?",
            zh: "网络断开,客户端重传。后来网络恢复,两份都到了。第二份会怎样?",
        },
        told: Text {
            en: "It finds the record of the first one, and gets the same reply. The client has its verdict by then and ignores it.",
            zh: "它遇到第一份留下的记录,得到同样的应答。客户端这时已经有了判定,就忽略它。",
        },
        story: "v1.1.on.1_a0.p.s.q.s8",
    },
    Lesson {
        name: "slow",
        title: Text { en: "A slow handler", zh: "慢的处理函数" },
        ask: Text {
            en: "The handler works for 2.5 seconds. The client does not know that, and sends the call again after one. What does the server do with the duplicate?",
            zh: "处理函数要运行 2.5 秒。客户端不知道,一秒后重传。服务器怎么处理这个重复请求?",
        },
        told: Text {
            en: "Nothing: the record says `running`. A PING and its PONG tell the client that the server is alive, so it keeps waiting until its deadline.",
            zh: "什么也不做:记录的状态是“运行中”。PING 和 PONG 告诉客户端服务器还活着,所以它一直等到截止时间。",
        },
        story: "v1.1.on.1_w0.s10",
    },
    Lesson {
        name: "killed-before",
        title: Text { en: "Killed before the work", zh: "做事之前被杀" },
        ask: Text {
            en: "The server's process ends before the handler has done anything, and starts again. What is the verdict?",
            zh: "处理函数还没做任何事,服务器进程就结束了,然后重新启动。判定是什么?",
        },
        told: Text {
            en: "Unknown. The new process does not know the session, so it cannot say what became of the call. Nothing is in the store. Now look at the next lesson.",
            zh: "结果未知。新的进程不认识这个会话,所以说不出这次调用怎么样了。存储是空的。现在看下一课。",
        },
        story: "v1.1.on.1_a0.s.k.b.s4",
    },
    Lesson {
        name: "killed-after",
        title: Text { en: "Killed after the work", zh: "做事之后被杀" },
        ask: Text {
            en: "The same, but the handler has done its work, and the process ends before it can reply. What is different for the client?",
            zh: "同样的事,但处理函数做完了事,进程在应答之前结束。对客户端来说有什么不同?",
        },
        told: Text {
            en: "Nothing: each frame is the same, so the verdict must be the same. Only the store differs. No protocol can do better without a store that keeps the records too.",
            zh: "没有不同:每一个帧都一样,所以判定也必须一样。只有存储不同。不把记录也存到磁盘上,任何协议都做不到更好。",
        },
        story: "v1.1.on.1_a0.s.j.b.s4",
    },
    Lesson {
        name: "two-clients",
        title: Text { en: "Two clients", zh: "两个客户端" },
        ask: Text {
            en: "Both clients call under slot 0 and number 1. Does the server take the second for a duplicate?",
            zh: "两个客户端都用 0 号槽和序号 1。服务器会把第二个当成重复请求吗?",
        },
        told: Text {
            en: "No. Each client has a session of its own, and a record belongs to a session, a slot and a number.",
            zh: "不会。每个客户端有自己的会话,一条记录属于一个会话、一个槽和一个序号。",
        },
        story: "v1.1.on.2_a0.a1.s10",
    },
    Lesson {
        name: "cancel",
        title: Text { en: "Cancel overtakes the call", zh: "取消跑在前面" },
        ask: Text {
            en: "The CALL stands still, and the caller gives it up. CANCEL arrives first. May the call run when it arrives at last?",
            zh: "CALL 停在路上,调用者放弃了。CANCEL 先到。CALL 最后到达时还可以运行吗?",
        },
        told: Text {
            en: "No. CANCEL has left a record: this number will never run. The late CALL is a duplicate of a refused call.",
            zh: "不可以。CANCEL 留下了记录:这个序号永远不会运行。迟到的 CALL 是一个已被拒绝的调用的重复请求。",
        },
        story: "v1.1.on.1_a0.h1u2.x0.s4.r1u2.s",
    },
    Lesson {
        name: "drain",
        title: Text { en: "A drain", zh: "优雅关闭" },
        ask: Text {
            en: "A slow call runs when the server begins to drain. A second call is on its way. What becomes of the two?",
            zh: "服务器开始优雅关闭时,一个慢调用正在运行,第二个调用在路上。两个调用会怎样?",
        },
        told: Text {
            en: "The one that runs finishes, and its reply arrives. The other is refused: it did not run, so the client may try it elsewhere. It waits for another server.",
            zh: "正在运行的会做完,应答也会到达。另一个被拒绝:它没有运行,客户端可以在别处再试。它在等另一台服务器。",
        },
        story: "v1.1.on.1_w0.s.e.a0.s14",
    },
    Lesson {
        name: "changed-byte",
        title: Text { en: "A changed byte", zh: "一个字节变了" },
        ask: Text {
            en: "One byte of the CALL changes on the way. Could the server append something else?",
            zh: "CALL 的一个字节在路上变了。服务器会追加别的内容吗?",
        },
        told: Text {
            en: "No. The checksum does not match, so the server refuses the bytes and closes the connection. The client resumes its session on another one, and sends the call again.",
            zh: "不会。校验和不对,服务器拒绝这些字节并关闭连接。客户端在新的连接上恢复会话,重传这次调用。",
        },
        story: "v1.1.on.1_a0.y1u2-40-7a.s9",
    },
    Lesson {
        name: "reorder",
        title: Text { en: "Two calls change places", zh: "两次调用换了次序" },
        ask: Text {
            en: "A client starts two calls and does not wait between them. The first is overtaken. In which order do they run?",
            zh: "一个客户端不等待就开始两次调用。第一个被超过。它们按什么次序运行?",
        },
        told: Text {
            en: "As they arrive: `ba`. Calls in two slots are independent. A caller that needs an order waits for the first reply before the second call.",
            zh: "按到达的次序:`ba`。两个槽里的调用互不相关。需要次序,就先等第一个应答再做第二次调用。",
        },
        story: "v1.1.on.1_a0.a0.o1u2.s9",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Story;
    use crate::shown::Shown;
    use crate::stage::Stage;

    /// The end of a lesson.
    fn end(name: &str) -> Shown {
        let lesson = LESSONS.iter().find(|lesson| lesson.name == name).expect("a lesson");
        let story: Story = lesson.story.parse().expect("a story");
        let count = story.clicks.len();
        Stage::play(&story, count).expect("each click fits").look(&story, count)
    }

    /// The store, how often the first call ran, and its verdict.
    fn result(shown: &Shown) -> (String, usize, Option<&'static str>) {
        let call = shown.clients[0].calls.first().expect("a call");
        let store = shown.store.first().map(|(_, text)| text.clone()).unwrap_or_default();
        (store, call.ran, call.verdict.as_ref().map(|verdict| verdict.kind))
    }

    #[test]
    fn each_lesson_ends_as_it_is_told() {
        let text = |text: &str| text.to_owned();
        for (name, store, ran, verdict) in [
            ("plain", "a", 1, Some("value")),
            ("lost-request", "a", 1, Some("value")),
            ("lost-reply", "a", 1, Some("value")),
            ("filter-off", "aa", 2, Some("value")),
            ("split", "a", 1, Some("value")),
            ("slow", "a", 1, Some("value")),
            ("killed-before", "", 0, Some("unknown")),
            ("killed-after", "a", 1, Some("unknown")),
            ("two-clients", "ab", 1, Some("value")),
            ("cancel", "", 0, None),
            ("drain", "a", 1, Some("value")),
            ("changed-byte", "a", 1, Some("value")),
            ("reorder", "ba", 1, Some("value")),
        ] {
            assert_eq!(result(&end(name)), (text(store), ran, verdict), "{name}");
        }
        assert_eq!(LESSONS.len(), 13);
    }

    #[test]
    fn a_client_cannot_tell_a_server_that_was_killed_before_the_work_from_one_that_was_killed_after_it() {
        let (before, after) = (end("killed-before"), end("killed-after"));
        assert_eq!(before.hash, after.hash, "every frame is the same");
        assert_ne!(before.store, after.store);
    }

    #[test]
    fn the_same_clicks_append_once_with_the_filter_and_twice_without() {
        let story = |text: &str| text.parse::<Story>().expect("a story");
        let lesson = LESSONS.iter().find(|lesson| lesson.name == "filter-off").expect("a lesson");
        let on = story(&lesson.story.replace(".off.", ".on."));
        let shown = Stage::play(&on, on.clicks.len()).expect("each click fits").look(&on, 99);
        assert_eq!((result(&shown).0.as_str(), result(&end("filter-off")).0.as_str()), ("a", "aa"));
    }

    #[test]
    fn a_story_is_the_same_each_time_and_its_beginning_is_that_of_the_shorter_story() {
        for lesson in LESSONS {
            let story: Story = lesson.story.parse().expect("a story");
            assert_eq!(story.to_string(), lesson.story, "links are written in one way");
            for count in 0..=story.clicks.len() {
                let part = Story { clicks: story.clicks[..count].to_vec(), ..story.clone() };
                let (a, b) = (Stage::play(&story, count), Stage::play(&part, count));
                let (a, b) =
                    (a.expect("it fits").look(&story, count), b.expect("it fits").look(&part, count));
                assert_eq!(
                    (a.hash, a.now, a.log.len()),
                    (b.hash, b.now, b.log.len()),
                    "{} {count}",
                    lesson.name
                );
            }
        }
    }

    #[test]
    fn a_click_that_does_nothing_where_it_stands_is_named() {
        let story: Story = "v1.1.on.1_a0.d1u9".parse().expect("a story");
        let error = Stage::play(&story, 2).expect_err("there is no such frame").to_string();
        assert!(error.contains("click 2") && error.contains("d1u9"), "{error}");
    }
}
