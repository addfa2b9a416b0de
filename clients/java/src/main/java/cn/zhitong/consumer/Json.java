package cn.zhitong.consumer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** JSON, and what all of it is made of: digests and names. */
final class Json {
    private static final ObjectMapper MAPPER = new ObjectMapper()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

    private Json() {}

    /** Reads UTF-8 alone: left to itself the library takes UTF-16 as well. */
    static JsonNode read(byte[] text) throws IOException {
        return MAPPER.readTree(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text)).toString());
    }

    /** Writes with sorted keys and without blanks, as RFC 8785 does. */
    static byte[] write(Object said) {
        try {
            Object plain = said instanceof JsonNode ? MAPPER.treeToValue((JsonNode) said, Object.class) : said;
            return MAPPER.writeValueAsBytes(plain);
        } catch (JsonProcessingException error) {
            throw new IllegalArgumentException(error);
        }
    }

    /** Says whether an object has these members and no others. */
    static boolean has(JsonNode said, String... names) {
        var found = new TreeSet<String>();
        said.fieldNames().forEachRemaining(found::add);
        return said.isObject() && found.equals(new TreeSet<>(List.of(names)));
    }

    static Map<String, Object> map(Object... pairs) {
        var found = new TreeMap<String, Object>();
        for (int i = 0; i < pairs.length; i += 2) found.put((String) pairs[i], pairs[i + 1]);
        return found;
    }
}
