// What the page says, in English and in Chinese, in the words of docs/glossary.md.
"use strict";

const WORDS = {
  title: ["A call, step by step", "一次调用,一步一步看"],
  under: ["The protocol, the duplicate filter and the stubs on this page are the ones that serve real calls, compiled for the browser.",
    "这个页面里的协议、重复过滤和桩,就是真正处理调用的那些代码,只是编译到了浏览器里。"],
  skip: ["To the stage", "跳到舞台"],
  tabStory: ["See a call", "看一次调用"],
  tabStubs: ["See the stubs", "看桩"],
  footer: ["A story is its link: copy it, and another reader sees the same. Nothing is sent anywhere.",
    "一个故事就是它的链接:复制给别人,别人看到的完全一样。页面不向任何地方发送数据。"],
  happened: ["What has happened", "发生了什么"],
  filter: ["Duplicate filter", "重复过滤"],
  clients: ["Clients", "客户端个数"],
  begin: ["Start", "开头"], back: ["Back", "后退"], step: ["Step", "前进"], run: ["Run", "播放"], stop: ["Stop", "停"],
  split: ["Split", "断网"], heal: ["Heal", "恢复网络"], cutAll: ["Cut", "切断连接"], kill: ["Kill server", "杀服务器"],
  killAfter: ["Kill after the work", "做完事再杀"], restart: ["Restart", "重启"], drain: ["Drain", "优雅关闭"],
  copyLink: ["Copy link", "复制链接"], copied: ["Copied", "已复制"],
  own: ["Your own story", "自己的故事"],
  ownAsk: ["Start calls, click on a frame to decide what becomes of it, and step.", "发起调用,点一个帧决定它的命运,然后一步一步走。"],
  client: ["Client", "客户端"], server: ["Server", "服务器"], session: ["session", "会话"], noSession: ["no session", "没有会话"],
  attached: ["connected", "已连接"], detached: ["no connection", "没有连接"], draining: ["draining", "正在关闭"],
  drained: ["drained: it may end", "可以结束了"], life: ["life", "第几次运行:"], dead: ["No process runs.", "没有进程在运行。"],
  slots: ["Slots", "槽"], slot: ["slot", "槽"], number: ["number", "序号"], usage: ["use", "用途"], call: ["call", "调用"],
  calls: ["Calls", "调用"], noCalls: ["no call yet", "还没有调用"],
  ranTimes: ["ran", "运行了"], times: ["×", "次"], waits: ["waits", "等待中"], cancelled: ["cancelled by its caller", "调用者已取消"],
  laterKnown: ["later known:", "后来得知:"], cancel: ["Cancel", "取消"],
  isKept: ["ran, reply kept", "已运行,应答已缓存"], theServer: ["the server", "服务器"],
  records: ["Records", "记录"], last: ["last", "最后序号"], state: ["state", "状态"], kept: ["kept reply", "缓存的应答"],
  noRecords: ["no record yet", "还没有记录"], handlers: ["Handlers", "处理函数"], noHandler: ["none runs", "没有在运行的"],
  store: ["Store", "存储"], storeEmpty: ["empty", "空"], ran: ["Ran, in order", "运行次序"], nothingRan: ["nothing", "无"],
  free: ["free", "空闲"], "in flight": ["in flight", "进行中"], orphaned: ["orphaned", "无人等待"],
  empty: ["empty", "空"], queued: ["queued", "排队"], running: ["running", "运行中"], "not kept": ["ran, not kept", "已运行,未缓存"],
  acknowledged: ["acknowledged", "已确认"], refused: ["refused", "已拒绝"],
  value: ["value", "返回值"], "not executed": ["not executed", "未执行"], "reply lost": ["reply lost", "应答丢失"],
  unknown: ["unknown", "结果未知"], error: ["error", "错误"], panicked: ["panicked", "崩溃"], "given up": ["given up", "放弃"],
  end: ["end", "连接结束"], endOf: ["the end of the connection", "连接的结束"], ahead: ["ahead", "接下来"], copy: ["copy", "副本"], changed: ["changed", "已改动"], held: ["held", "停住"],
  nothingFlies: ["Nothing is on its way.", "路上没有帧。"], isSplit: ["The network is split: nothing passes.", "网络断开:什么都过不去。"],
  drop: ["Drop", "丢弃"], double: ["Double", "复制"], hold: ["Hold", "停住"], release: ["Release", "放行"], reorder: ["Let the next pass", "让后面的先走"],
  cut: ["Cut here", "在这里切断"], bytes: ["Bytes", "字节"],
  quiet: ["All is quiet.", "一切平静。"], theEnd: ["The story ends here.", "故事到这里结束。"],
  nothing: ["nothing happens any more", "再没有什么发生"],
  append: ["append", "append"], appendSlowly: ["append slowly", "append(慢)"], get: ["get", "get"],
  bytesOf: ["Bytes of", "字节:"], accepted: ["The decoder accepts this frame.", "解码器接受这个帧。"],
  refusedBytes: ["The decoder refuses it:", "解码器拒绝:"], changeByte: ["Choose a byte, and type two hexadecimal digits.", "选一个字节,输入两个十六进制数字。"],
  sendChanged: ["Let it travel with this change", "让它带着这个改动继续走"], close: ["Close", "关闭"],
  keys: ["Keys", "键盘"],
  trait: ["A trait with #[rpc]", "带 #[rpc] 的 trait"], stubs: ["The stubs that the macro writes", "宏写出的桩"],
  stubsIntro: ["Type a trait. On the right is what #[rpc] writes for it, by the code of the macro itself. Its messages name line and column.",
    "输入一个 trait。右边是 #[rpc] 为它写出的代码,由宏本身的代码生成。错误信息给出行和列。"],
  noWebAssembly: ["This browser has no WebAssembly, and the page is a program that needs it.", "这个浏览器没有 WebAssembly,而页面是需要它的程序。"],
  noModule: ["The page has no program yet: build it with `cargo run --release -p rpc-site`, which writes docs/site/module.js.",
    "页面还没有程序:用 `cargo run --release -p rpc-site` 生成 docs/site/module.js。"],
  toBegin: ["Begin this story anew", "重新开始这个故事"],
  // events
  "e:started": ["{client} starts {call}", "{client} 发起 {call}"],
  "e:sent": ["{who} sends {frame}", "{who} 发送 {frame}"],
  "e:doubled": ["the network doubles {frame}", "网络复制了 {frame}"],
  "e:delivered": ["{frame} arrives at {to}", "{frame} 到达{to}"],
  "e:dropped": ["{frame} is lost", "{frame} 丢失"],
  "e:connected": ["{client} has a connection", "{client} 建立了连接"],
  "e:refused": ["{client} is refused a connection", "{client} 的连接被拒绝"],
  "e:broken": ["the connection of {client} breaks", "{client} 的连接断了"],
  "e:began": ["the handler of {call} begins", "{call} 的处理函数开始"],
  "e:ended": ["the handler of {call} ends", "{call} 的处理函数结束"],
  "e:verdict": ["the caller of {call} is told: {more}", "{call} 的调用者得到判定:{more}"],
  "e:resolved": ["{call} is known now: {more}", "现在知道了 {call} 的结果:{more}"],
  "e:crashed": ["the server is killed", "服务器被杀"],
  "e:serving": ["the server starts, life {more}", "服务器启动,第 {more} 次运行"],
  "e:drains": ["the server begins to drain", "服务器开始优雅关闭"],
  "e:split": ["the network is split", "网络断开"],
  "e:healed": ["the network is whole again", "网络恢复"],
  // what a click has done, if nothing else has happened by it
  "f:h": ["the frame stands still", "这个帧停住了"], "f:r": ["the frame goes on", "这个帧继续走"], "f:o": ["the frame is overtaken", "这个帧被超过"],
  "f:y": ["one byte of the frame is changed", "这个帧的一个字节被改动"],
  // clicks
  "c:s": ["step", "前进"], "c:a": ["append", "append"], "c:w": ["append slowly", "append(慢)"], "c:g": ["get", "get"], "c:x": ["cancel", "取消"],
  "c:d": ["drop", "丢弃"], "c:t": ["double", "复制"], "c:h": ["hold", "停住"], "c:r": ["release", "放行"], "c:o": ["let the next pass", "让后面的先走"],
  "c:c": ["cut", "切断"], "c:y": ["change a byte", "改一个字节"], "c:z": ["cut all", "切断连接"], "c:p": ["split", "断网"], "c:q": ["heal", "恢复网络"],
  "c:k": ["kill", "杀服务器"], "c:j": ["kill after the work", "做完事再杀"], "c:b": ["restart", "重启"], "c:e": ["drain", "优雅关闭"],
};

let language = (() => {
  try {
    return localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
  } catch { return "en"; }
})();

// The word of this name in the reader's language. Names that have no word are shown as they are.
function words(name, parts = {}) {
  const text = (WORDS[name] ?? [name, name])[language === "zh" ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, part) => parts[part] ?? "");
}

function setLanguage(to) {
  language = to;
  try { localStorage.setItem("language", to); } catch { /* a page from disk may have no storage */ }
}
