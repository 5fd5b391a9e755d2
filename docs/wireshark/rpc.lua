-- A dissector of the frames of rpc-core for Wireshark and tshark, written from docs/wire.md, whose rules it cites.
--
-- A connection whose HELLO is in the capture is found by itself. For others: Decode As, or `-d tcp.port==4000,rpc_core`.

local bit = bit or bit32 or require("bit")
local proto = Proto("rpc_core", "rpc-core")

local HEADER = 36
local FEATURE = { no_body_checksum = 0x01, properties = 0x02, types = 0x20 }

-- W6
local KINDS = {
    [1] = "HELLO", [2] = "WELCOME", [3] = "CALL", [4] = "REPLY", [5] = "CANCEL", [6] = "ACK", [7] = "PING", [8] = "PONG",
    [9] = "GOAWAY", [10] = "SESSION_LOST", [11] = "BUSY", [12] = "BYE", [13] = "METHODS", [14] = "TABLE", [15] = "REJECT",
}
local OF_CALL = { CALL = true, REPLY = true, CANCEL = true, ACK = true }

-- W12
local STATUSES = {
    [0] = "Done", [1] = "Failed", [2] = "Panicked", [3] = "ReplyLost", [4] = "GivenUp", [16] = "Cancelled", [17] = "Deadline",
    [18] = "Busy", [19] = "Draining", [20] = "NoSuchMethod", [21] = "BadArguments", [22] = "TooLarge", [23] = "Denied",
}

-- W19e
local REASONS = {
    [0] = "NoReason", [1] = "NotThisProtocol", [2] = "Version", [3] = "BadChecksum", [4] = "BadLength", [5] = "TooLong",
    [6] = "UnknownKind", [7] = "BadBody", [8] = "Unexpected", [9] = "SlotRange", [10] = "SeqRange", [11] = "SlotBusy",
    [12] = "OtherContents", [13] = "EarlyAck", [14] = "Flood", [15] = "TooSlow", [16] = "Unsent", [17] = "TooManyServices",
    [18] = "HelloTooLong",
}

local AGREEMENTS = { [0] = "the same contract", [1] = "another contract of this name", [2] = "no such service" }
local EXTENSIONS = { [1] = "nonce", [2] = "types" }

local f = {}
local function field(name, make, label, ...)
    f[name] = make("rpc_core." .. name, label, ...)
end
field("length", ProtoField.uint32, "length")
field("kind", ProtoField.uint8, "kind", base.DEC, KINDS)
field("code", ProtoField.uint8, "code")
field("status", ProtoField.uint8, "status", base.DEC, STATUSES)
field("reason", ProtoField.uint8, "reason", base.DEC, REASONS)
field("slot", ProtoField.uint16, "slot")
field("seq", ProtoField.uint64, "seq")
field("method", ProtoField.uint64, "method", base.HEX)
field("millis", ProtoField.uint32, "millis")
field("body_crc", ProtoField.uint32, "body crc", base.HEX)
field("header_crc", ProtoField.uint32, "header crc", base.HEX)
field("body", ProtoField.bytes, "body")
field("name", ProtoField.string, "frame")
field("method_name", ProtoField.string, "method name")
field("right", ProtoField.bool, "right")
field("magic", ProtoField.bytes, "magic")
field("version_min", ProtoField.uint16, "lowest version")
field("version_max", ProtoField.uint16, "highest version")
field("version", ProtoField.uint16, "version")
field("features", ProtoField.uint32, "features", base.HEX)
field("slots", ProtoField.uint16, "slots")
field("resume", ProtoField.uint8, "resume")
field("resumed", ProtoField.uint8, "resumed")
field("session", ProtoField.bytes, "session")
field("token", ProtoField.bytes, "token (a secret)")
field("incarnation", ProtoField.bytes, "incarnation")
field("longest_body", ProtoField.uint32, "longest body")
field("lease", ProtoField.uint32, "lease (ms)")
field("count", ProtoField.uint16, "number")
field("contract", ProtoField.uint64, "contract hash", base.HEX)
field("service", ProtoField.string, "service")
field("agreement", ProtoField.uint8, "agreement", base.DEC, AGREEMENTS)
field("extension", ProtoField.uint8, "extension", base.DEC, EXTENSIONS)
field("extension_length", ProtoField.uint16, "length")
field("nonce", ProtoField.bytes, "nonce")
field("types", ProtoField.uint64, "fingerprint of types", base.HEX)
field("value", ProtoField.bytes, "value")
field("id", ProtoField.uint64, "id", base.HEX)
field("text", ProtoField.string, "text")
field("signature", ProtoField.string, "signature")
field("formats", ProtoField.string, "formats")
field("properties", ProtoField.uint8, "properties", base.HEX)
field("arguments", ProtoField.bytes, "arguments")
field("key", ProtoField.string, "metadata key")
field("metadata", ProtoField.string, "metadata value")
field("metadata_length", ProtoField.uint16, "length of the metadata")
proto.fields = f

local wrong = ProtoExpert.new("rpc_core.wrong", "mistake", expert.group.MALFORMED, expert.severity.ERROR)
local refused = ProtoExpert.new("rpc_core.refused", "refused", expert.group.RESPONSE_CODE, expert.severity.NOTE)
proto.experts = { wrong, refused }

proto.prefs.checksums = Pref.bool("Compare the checksums over bodies", true, "CRC-32C over each body (W5); headers always are")

local stream_field = Field.new("tcp.stream")

-- What later frames of a connection are opened by: the features that were agreed on, and the methods of its calls.
local connections = {}
-- The names of methods, from all TABLEs of the capture.
local methods = {}

function proto.init()
    connections, methods = {}, {}
end

local function connection()
    local stream = stream_field()
    local number = stream and stream.value or -1
    connections[number] = connections[number] or { calls = {} }
    return connections[number]
end

-- W5: CRC-32C.
local crc_table = {}
for index = 0, 255 do
    local crc = index
    for _ = 1, 8 do
        local low = bit.band(crc, 1)
        crc = bit.rshift(crc, 1)
        if low == 1 then crc = bit.bxor(crc, 0x82f63b78) end
    end
    crc_table[index] = crc
end

local function crc32c(range)
    local crc = 0xffffffff
    local bytes = range:bytes()
    for at = 0, bytes:len() - 1 do
        crc = bit.bxor(bit.rshift(crc, 8), crc_table[bit.band(bit.bxor(crc, bytes:get_index(at)), 0xff)])
    end
    return bit.bxor(crc, 0xffffffff) % 0x100000000
end

local function header_is_right(tvb, offset)
    return crc32c(tvb(offset, 32)) == tvb(offset + 32, 4):le_uint()
end

-- The fields of a body, one behind the other (W7). After the first that is not there, nothing more is read.
local Fields = {}
Fields.__index = Fields

function Fields.new(tvb, offset, length, tree)
    return setmetatable({ tvb = tvb, at = offset, last = offset + length, tree = tree, ok = true }, Fields)
end

function Fields:left() return self.last - self.at end

function Fields:fail(text)
    if self.ok then self.tree:add_proto_expert_info(wrong, text) end
    self.ok = false
    return nil
end

function Fields:take(length, text)
    if not self.ok then return nil end
    if self:left() < length then
        return self:fail(string.format("%s: %d bytes expected, and %d left", text, length, self:left()))
    end
    local range = self.tvb(self.at, length)
    self.at = self.at + length
    return range
end

function Fields:number(name, length)
    local range = self:take(length, name)
    if not range then return nil end
    self.tree:add_le(f[name], range)
    return length == 8 and range:le_uint64() or range:le_uint()
end

function Fields:bytes(name, length)
    local range = self:take(length, name)
    if range and length > 0 then self.tree:add(f[name], range) end
    return range
end

-- A text of so many bytes, with its length before it in the tree's bytes.
function Fields:text(name, prefix)
    local length = self:take(prefix, name .. ": length")
    if not length then return nil end
    local range = self:take(length:le_uint(), name)
    if not range then return nil end
    local text = length:le_uint() > 0 and range:string(ENC_UTF_8) or ""
    self.tree:add(f[name], self.tvb(length:offset(), prefix + length:le_uint()), text)
    return text
end

function Fields:finish()
    if self.ok and self:left() > 0 then self:fail(string.format("%d bytes more than there are fields", self:left())) end
end

local bodies = {}

-- W9
function bodies.HELLO(body)
    local length = body:left()
    local magic = body:bytes("magic", 4)
    if magic and magic:bytes():tohex() ~= "414D4F01" then return body:fail("not this protocol") end
    local lowest, highest = body:number("version_min", 2), body:number("version_max", 2)
    if highest and (lowest > 1 or highest < 1) then return body:fail("there is only version 1") end
    body:number("features", 4)
    body:number("slots", 2)
    local resume = body:number("resume", 1)
    if resume and resume > 1 then return body:fail("resume is 0 or 1") end
    if resume == 0 and length > 4048 then return body:fail("a HELLO that opens a session has at most 4,048 bytes") end
    if resume == 1 then
        body:bytes("session", 16)
        body:bytes("token", 32)
    end
    local services = body:number("count", 1) or 0
    if services > 64 then return body:fail("at most 64 services") end
    for _ = 1, services do
        body:number("contract", 8)
        body:text("service", 1)
    end
    local nonces, types = 0, 0
    while body.ok and body:left() > 0 do
        local kind, size = body:number("extension", 1), body:number("extension_length", 2)
        if not size then return end
        if kind == 1 then
            nonces = nonces + 1
            if size ~= 16 or nonces > 1 then return body:fail("one nonce of 16 bytes") end
            body:bytes("nonce", size)
        elseif kind == 2 then
            types = types + 1
            if types > 1 or services == 0 or size ~= 8 * services then
                return body:fail("8 bytes of types for each service")
            end
            for _ = 1, services do body:number("types", 8) end
        else
            body:bytes("value", size)
        end
    end
end

-- W10
function bodies.WELCOME(body, state)
    local version = body:number("version", 2)
    if version and version ~= 1 then body:fail("there is only version 1") end
    local features = body:number("features", 4)
    body:bytes("incarnation", 16)
    body:bytes("session", 16)
    body:bytes("token", 32)
    local slots = body:number("slots", 2)
    if slots == 0 then body:fail("at least one slot") end
    body:number("longest_body", 4)
    body:number("lease", 4)
    body:number("resumed", 1)
    for _ = 1, body:number("count", 1) or 0 do
        local agreement = body:number("agreement", 1)
        if agreement and agreement > 2 then return body:fail("an agreement is 0, 1 or 2") end
    end
    if body.ok then state.features = features end
end

function bodies.SESSION_LOST(body) body:bytes("incarnation", 16) end

-- W11
function bodies.METHODS(body) body:text("service", 1) end

function bodies.TABLE(body, state)
    local service = body:text("service", 1)
    local features = state.features or 0
    for _ = 1, body:number("count", 2) or 0 do
        if not body.ok then return end
        local id = body:number(service == "" and "contract" or "id", 8)
        local name = body:text(service == "" and "service" or "method_name", 1)
        if id and name and service ~= "" then methods[id:tohex()] = name end
        body:text("signature", 2)
        if bit.band(features, FEATURE.properties) ~= 0 then body:number("properties", 1) end
        if bit.band(features, FEATURE.types) ~= 0 then
            body:number("types", 8)
            body:text("formats", 2)
        end
    end
end

function bodies.REJECT(body)
    if body:left() > 0 then body:bytes("text", body:left()) end
end

-- W13, W13a
function bodies.CALL(body, _, head)
    if bit.band(head.code, 1) == 0 then
        return body:bytes("arguments", body:left())
    end
    local entries = body:left() >= 2 and body.tvb(body.last - 2, 2):le_uint() or nil
    if not entries or entries > 1024 or entries + 2 > body:left() then
        return body:fail("the metadata is not of the form of W13a")
    end
    body:bytes("arguments", body:left() - entries - 2)
    local last_key = ""
    while body.ok and body:left() > 2 do
        local key = body:text("key", 1)
        if key and key <= last_key then return body:fail("the keys of the metadata do not rise") end
        body:text("metadata", 2)
        last_key = key
    end
    body:number("metadata_length", 2)
end

-- W12
function bodies.REPLY(body, _, head)
    if not STATUSES[head.code] then return body:fail("no status has this number") end
    if body:left() == 0 then return end
    if head.code <= 1 then
        body:bytes("value", body:left())
    else
        body:bytes("text", body:left())
    end
end

-- The header (W1). Returns what the body is opened by; nil if the bytes are no frame.
local function dissect_header(tvb, tree)
    local right = true
    local function mistake(item, text)
        item:add_proto_expert_info(wrong, text)
        right = false
    end
    local length, kind, code = tvb(0, 4):le_uint(), tvb(4, 1):uint(), tvb(5, 1):uint()
    local name = KINDS[kind]
    local length_item = tree:add_le(f.length, tvb(0, 4))
    local kind_item = tree:add(f.kind, tvb(4, 1))
    tree:add(f.code, tvb(5, 1))
    if name == "REPLY" then tree:add(f.status, tvb(5, 1)) end
    if name == "REJECT" then tree:add(f.reason, tvb(5, 1)) end
    tree:add_le(f.slot, tvb(6, 2))
    tree:add_le(f.seq, tvb(8, 8))
    tree:add_le(f.method, tvb(16, 8))
    tree:add_le(f.millis, tvb(24, 4))
    local crc_item = tree:add_le(f.body_crc, tvb(28, 4))
    local header_item = tree:add_le(f.header_crc, tvb(32, 4))
    if not header_is_right(tvb, 0) then
        mistake(header_item, "the checksum of the header is wrong")
        return nil, right
    end
    if length < 32 then mistake(length_item, "below 32") end
    if not name then mistake(kind_item, "no kind has this number") end
    local head = { name = name, code = code, slot = tvb(6, 2):le_uint(), seq = tvb(8, 8):le_uint64(), crc_item = crc_item,
        method = tvb(16, 8):le_uint64():tohex() }
    return (name and length >= 32) and head or nil, right
end

local function check_body(tvb, head, state)
    local left_out = bit.band(state.features or 0, FEATURE.no_body_checksum) ~= 0
        and head.name ~= "HELLO" and head.name ~= "WELCOME"
    if left_out or not proto.prefs.checksums then return true end
    local expected = tvb:len() > HEADER and crc32c(tvb(HEADER)) or 0
    if expected == tvb(28, 4):le_uint() then return true end
    head.crc_item:add_proto_expert_info(wrong, string.format("the checksum of this body is 0x%08x", expected))
    return false
end

-- The method of a CALL, and of the call that a REPLY is for.
local function method_of(head, state)
    local call = head.slot .. "/" .. head.seq:tohex()
    if head.name == "CALL" then state.calls[call] = head.method end
    local id = (head.name == "CALL" or head.name == "REPLY") and state.calls[call]
    return id and (methods[id] or id)
end

local function dissect_frame(tvb, pinfo, tree)
    local state = connection()
    local subtree = tree:add(proto, tvb())
    local head, right = dissect_header(tvb, subtree)
    local title = "no frame"
    if head then
        right = check_body(tvb, head, state) and right
        local body = Fields.new(tvb, HEADER, tvb:len() - HEADER, subtree)
        local method = method_of(head, state)
        if bodies[head.name] then bodies[head.name](body, state, head) end
        body:finish()
        right = right and body.ok
        title = head.name
        if head.name == "REPLY" and STATUSES[head.code] then title = title .. " " .. STATUSES[head.code] end
        if head.name == "REJECT" then title = title .. " " .. (REASONS[head.code] or REASONS[0]) end
        if head.name == "REPLY" and head.code >= 16 then subtree:add_proto_expert_info(refused, title) end
        if method then subtree:add(f.method_name, method):set_generated() end
    end
    subtree:add(f.name, title):set_generated()
    subtree:add(f.right, right):set_generated()
    local place = head and OF_CALL[head.name] and string.format(" %d/%s", head.slot, tostring(head.seq)) or ""
    subtree:append_text(", " .. title .. place)
    pinfo.cols.protocol = "rpc-core"
    pinfo.cols.info:append("  " .. title .. place)
    return tvb:len()
end

-- The length of the frame at this offset. Where the header is wrong, it is not known where the next frame begins (W3): then all that
-- is here is no frame.
local function frame_length(tvb, _, offset)
    local length = tvb(offset, 4):le_uint()
    if length < 32 or not header_is_right(tvb, offset) then return tvb:len() - offset end
    return 4 + length
end

local function dissect(tvb, pinfo, tree)
    pinfo.cols.info:set("")
    dissect_tcp_pdus(tvb, tree, HEADER, frame_length, dissect_frame, true)
    return tvb:len()
end

proto.dissector = dissect

-- The first bytes of a connection of this protocol are a HELLO: kind 1, and behind its header the magic of W9.
local function is_hello(tvb, pinfo, tree)
    if tvb:len() < HEADER + 4 or tvb(4, 1):uint() ~= 1 then return false end
    if tvb(HEADER, 4):bytes():tohex() ~= "414D4F01" or not header_is_right(tvb, 0) then return false end
    pinfo.conversation = proto
    dissect(tvb, pinfo, tree) -- and not `proto.dissector`: a dissector that another one calls may not ask for the next segment
    return true
end

proto:register_heuristic("tcp", is_hello)
DissectorTable.get("tcp.port"):add_for_decode_as(proto)
