package cn.zhitong.consumer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.nimbusds.jose.JOSEException;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.ParseException;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * One version of a decision, a notice that stands in its place, or an annotation, which tells what happened to a
 * decision and is no version of it: then {@code row} is all that it says (docs/streams.md).
 */
record Event(
        boolean notice,
        boolean annotation,
        String id,
        String decision,
        int version,
        String change,
        boolean followsHistory,
        String key,
        String digest,
        String schema,
        String table,
        JsonNode row,
        String statement,
        String why) {
    private static final Map<String, String> TYPES = Map.of(
            "cn.zhitong.decision.recorded.v1", "RECORDED",
            "cn.zhitong.decision.corrected.v1", "CORRECTED",
            "cn.zhitong.decision.withdrawn.v1", "WITHDRAWN");
    private static final String ABSENT = "cn.zhitong.decision.absent.v1";
    private static final String ANNOTATED = "cn.zhitong.decision.annotated.v1";
    private static final List<String> HAPPENED = List.of(
            "REPAIRED", "REPAIR_REVOKED", "OBJECTED", "OBJECTION_UPHELD", "OBJECTION_REJECTED", "UNLISTED", "ERASED");
    private static final Pattern UUIDS = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
    private static final Pattern SEALED = Pattern.compile("eyJ[\\w-]*(\\.[\\w-]+){4}");

    /** These bytes are no event for this receiver; says none of their content. */
    static final class NotAnEvent extends Exception {
        private static final long serialVersionUID = 1;

        NotAnEvent(String place) {
            super(place);
        }
    }

    static Event read(byte[] value, String receiver) throws NotAnEvent {
        JsonNode said;
        try {
            said = Json.read(value);
        } catch (IOException error) {
            throw new NotAnEvent("JSON");
        }
        due(said.isObject(), "JSON");
        due(text(said, "specversion").equals("1.0"), "specversion");
        due(text(said, "datacontenttype").equals("application/json"), "datacontenttype");
        due(text(said, "receiver").equals(receiver), "receiver");
        String decision = text(said, "subject");
        due(UUIDS.matcher(decision).matches(), "subject");
        JsonNode number = said.path("decisionversion");
        due(number.isIntegralNumber() && number.canConvertToInt() && number.intValue() >= 1, "decisionversion");
        due(text(said, "partitionkey").matches("[0-9a-f]{16}"), "partitionkey");
        due(said.path("followshistory").isBoolean(), "followshistory");
        due(!text(said, "source").isEmpty(), "source");
        try {
            OffsetDateTime.parse(text(said, "time"));
        } catch (DateTimeException error) {
            throw new NotAnEvent("time");
        }
        JsonNode data = said.path("data");
        due(data.isObject(), "data");
        String type = text(said, "type");
        boolean notice = type.equals(ABSENT);
        boolean annotation = type.equals(ANNOTATED);
        String change = annotation ? "ANNOTATED" : notice ? text(data, "change") : TYPES.getOrDefault(type, "");
        due(annotation || TYPES.containsValue(change), "type");
        int version = number.intValue();
        // An id that is not made of these would slip past the check for what came twice.
        String made = annotation ? text(data, "happened") + "/" + text(data, "cause") : version + "/" + change;
        due(text(said, "id").equals(uuid5(decision, made)), "id");
        if (annotation) {
            due(HAPPENED.contains(text(data, "happened")), "happened");
            due(UUIDS.matcher(text(data, "cause")).matches(), "cause");
            due(!text(data, "expected").isEmpty(), "expected");
            due(!text(said, "dataschema").isEmpty(), "dataschema");
        } else if (notice) {
            due(Json.has(data, "change", "payload_hash", "why"), "data");
            due(List.of("ERASED", "UNSENDABLE").contains(text(data, "why")), "why");
            due(text(data, "payload_hash").matches("[0-9a-f]{64}"), "payload_hash");
        } else {
            due(Json.has(data, "table", "row") && data.get("row").isObject() && !text(data, "table").isEmpty(), "data");
            due(!text(said, "dataschema").isEmpty(), "dataschema");
            due(said.path("statement").isMissingNode() || said.get("statement").isTextual(), "statement");
        }
        return new Event(
                notice, annotation, text(said, "id"), decision, version, change, said.get("followshistory").booleanValue(),
                text(said, "partitionkey"), Keys.sha256(value), text(said, "dataschema"), text(data, "table"),
                annotation ? data : data.path("row"), text(said, "statement"), text(data, "why"));
    }

    /** What is at fault in the row, by column: its structure, or a number that cannot be opened. */
    List<String> faults(Map<String, JsonSchema> schemas, Keys.Own keys) {
        if (schemas != null) {
            var found = structure(schemas);
            if (!found.isEmpty()) return found;
        }
        var found = new ArrayList<String>();
        row.properties().forEach(each -> {
            if (!each.getValue().isTextual() || !SEALED.matcher(each.getValue().textValue()).matches()) return;
            try {
                keys.unseal(each.getValue().textValue()); // here a receiver keeps the number, restricted
            } catch (ParseException | JOSEException | RuntimeException error) {
                // The library trips over some strange headers.
                // A number more or less must not keep in public what is withdrawn.
                if (!change.equals("WITHDRAWN")) found.add(each.getKey());
            }
        });
        return found;
    }

    private List<String> structure(Map<String, JsonSchema> schemas) {
        var validator = schemas.get(schema);
        if (validator == null) return List.of("schema");
        var found = new TreeSet<String>();
        for (var message : validator.validate(row)) {
            var place = message.getInstanceLocation();
            if (place.getNameCount() > 0) found.add(place.getName(0));
            else found.add(message.getType().equals("required") ? message.getProperty() : "row");
        }
        return List.copyOf(found);
    }

    /** Reads a folder of the JSON Schemas that the platform publishes, by their {@code $id}. */
    static Map<String, JsonSchema> schemas(String folder) throws IOException {
        var factory = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
        var found = new HashMap<String, JsonSchema>();
        try (var files = Files.list(Path.of(folder))) {
            for (Path each : files.filter(path -> path.toString().endsWith(".json")).toList()) {
                var document = (ObjectNode) Json.read(Files.readAllBytes(each));
                // That no other column comes binds who writes: who reads ignores one more.
                document.remove("additionalProperties");
                found.put(document.get("$id").asText(), factory.getSchema(document));
            }
        }
        return found;
    }

    /** RFC 9562, version 5. */
    static String uuid5(String namespace, String name) {
        var space = UUID.fromString(namespace);
        byte[] head = java.nio.ByteBuffer.allocate(16)
                .putLong(space.getMostSignificantBits())
                .putLong(space.getLeastSignificantBits())
                .array();
        byte[] hash = Keys.digest("SHA-1", head, name.getBytes(StandardCharsets.UTF_8));
        hash[6] = (byte) (hash[6] & 0x0f | 0x50);
        hash[8] = (byte) (hash[8] & 0x3f | 0x80);
        var both = java.nio.ByteBuffer.wrap(hash);
        return new UUID(both.getLong(), both.getLong()).toString();
    }

    /** Says on which partition what has a key belongs, whatever the client's own hash. */
    static int partition(String key, int partitions) {
        return new BigInteger(key, 16).mod(BigInteger.valueOf(64)).intValue() % partitions;
    }

    private static String text(JsonNode said, String name) {
        return said.path(name).isTextual() ? said.get(name).textValue() : "";
    }

    private static void due(boolean holds, String place) throws NotAnEvent {
        if (!holds) throw new NotAnEvent(place);
    }
}
