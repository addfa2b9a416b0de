package cn.zhitong.consumer;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.NavigableMap;
import java.util.Set;

/** What is signed: the bureau's statement of a decision, the platform's of what it has sent. */
final class Statements {
    private static final String[] DECISION = {
        "form", "actType", "at", "change", "content", "decidedOn", "decisionId", "documentNo", "subjectCode"
    };
    private static final String[] WINDOW = {
        "statement", "receiver", "topic", "partition", "from", "to", "records", "root", "parts", "foreign", "hash", "at"
    };
    private static final int PART = 1000;

    private Statements() {}

    /** What the bureau's statement is worth to whom it came alone (docs/signing.md). */
    static String vouched(Event event, List<Keys.Public> bureaus) {
        if (event.statement().isEmpty()) return "NONE";
        var found = event.statement().length() <= 8192 ? Keys.Token.of(event.statement()) : null;
        if (found == null || !found.canonical() || found.signature().length != 64) return "MALFORMED";
        JsonNode header = found.header();
        JsonNode said = found.payload();
        boolean texts = true;
        for (JsonNode each : said) texts &= each.isTextual();
        if (!Json.has(header, "alg", "kid", "typ")
                || !header.get("typ").asText().equals("zhitong-decision+jwt")
                || !List.of("ES256", "SM2-SM3").contains(header.get("alg").asText())
                || !header.get("kid").asText().matches("[0-9a-f]{16}")
                || !Json.has(said, DECISION)
                || !texts
                || !said.get("form").asText().equals("zhitong-decision/1")) return "MALFORMED";
        var key = find(bureaus, header.get("kid").asText(), said.get("subjectCode").asText());
        if (key == null) return "KEY_UNKNOWN";
        if (!key.algorithm().equals(header.get("alg").asText()) || !key.verify(found.signed(), found.signature()))
            return "INVALID";
        boolean same = said.get("decisionId").asText().equals(event.decision())
                && said.get("change").asText().equals(event.change());
        return same ? "HOLDS" : "DIFFERS";
    }

    /** A stretch of one partition, as the platform states it; without a window its signature does not hold. */
    record Stated(String signature, JsonNode window) {}

    static Stated read(byte[] value, String receiver, List<Keys.Public> platform) {
        JsonNode said;
        try {
            said = Json.read(value);
        } catch (IOException error) {
            return new Stated("MALFORMED", null);
        }
        var found = Keys.Token.of(said.path("data").path("jws").asText(""));
        if (found == null || !Json.has(found.header(), "alg", "kid", "typ")) return new Stated("MALFORMED", null);
        JsonNode header = found.header();
        if (!header.get("alg").asText().equals("ES256")
                || !header.get("typ").asText().equals("zhitong-reconciliation+jws")) return new Stated("MALFORMED", null);
        var key = find(platform, header.get("kid").asText(), "");
        if (key == null) return new Stated("KEY_UNKNOWN", null);
        if (!key.algorithm().equals("ES256") || !key.verify(found.signed(), found.signature()))
            return new Stated("INVALID", null);
        JsonNode window = found.payload();
        if (!isWindow(window)) return new Stated("MALFORMED", null);
        boolean same = said.path("type").asText().equals("cn.zhitong.reconciliation.v1")
                && said.path("subject").asText().equals(window.get("statement").asText())
                && said.path("receiver").asText().equals(receiver)
                && window.get("receiver").asText().equals(receiver);
        return same ? new Stated("HOLDS", window) : new Stated("DIFFERS", null);
    }

    private static boolean isWindow(JsonNode window) {
        if (!Json.has(window, WINDOW) || !window.get("hash").asText().equals("sha256")) return false;
        for (String name : List.of("from", "to", "partition", "records")) if (!isCount(window.get(name))) return false;
        for (JsonNode each : window.get("foreign")) if (!isCount(each)) return false;
        for (JsonNode each : window.get("parts")) if (!each.asText().matches("[0-9a-f]{64}")) return false;
        long length = window.get("to").asLong() - window.get("from").asLong();
        return length >= 0
                && window.get("parts").size() == (length + PART - 1) / PART
                && window.get("root").asText().matches("[0-9a-f]{64}");
    }

    private static boolean isCount(JsonNode number) {
        return number.isIntegralNumber() && number.canConvertToLong() && number.longValue() >= 0;
    }

    static Set<Long> foreign(JsonNode window) {
        var found = new HashSet<Long>();
        window.get("foreign").forEach(each -> found.add(each.longValue()));
        return found;
    }

    /** Holds what was stated against what has come of that partition, ids by offset. */
    static boolean agrees(JsonNode window, NavigableMap<Long, String> held) {
        var foreign = foreign(window);
        var ours = within(window, held).entrySet().stream()
                .filter(each -> !foreign.contains(each.getKey()))
                .map(each -> each.getValue())
                .toList();
        return ours.size() == window.get("records").longValue() && root(ours).equals(window.get("root").asText());
    }

    static NavigableMap<Long, String> within(JsonNode window, NavigableMap<Long, String> held) {
        return held.subMap(window.get("from").longValue(), true, window.get("to").longValue(), false);
    }

    /** The root of RFC 6962 over event ids, in hexadecimal. */
    static String root(List<String> ids) {
        var leaves = ids.stream()
                .map(id -> Keys.digest("SHA-256", new byte[] {0}, id.getBytes(StandardCharsets.UTF_8)))
                .toList();
        return HexFormat.of().formatHex(leaves.isEmpty() ? Keys.digest("SHA-256") : over(leaves));
    }

    private static byte[] over(List<byte[]> leaves) {
        if (leaves.size() == 1) return leaves.get(0);
        int cut = Integer.highestOneBit(leaves.size() - 1);
        return Keys.digest(
                "SHA-256", new byte[] {1}, over(leaves.subList(0, cut)), over(leaves.subList(cut, leaves.size())));
    }

    private static Keys.Public find(List<Keys.Public> keys, String id, String owner) {
        for (var each : keys) if (each.id().equals(id) && each.owner().equals(owner)) return each;
        return null;
    }
}
