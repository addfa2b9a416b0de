package cn.zhitong.consumer;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A receiver's consumer in Java: reads a topic from its beginning, verifies every signature, prints a line of JSON for
 * each record, and answers with signed receipts where {@code --answer} names their topic. The same words and lines as
 * the consumers in Python and Node. Exit code: 0 everything holds, 1 something does not, 2 it could not be read.
 *
 * <p>An example: what it has seen it keeps in memory, so it commits no offsets and begins anew each time. A receiver
 * keeps event, effect and receipt due in one transaction of its own database, and commits offsets after it.
 */
public final class Main {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final Map<String, String> given;
    private final Keys.Own keys;
    private final List<Keys.Public> bureaus;
    private final List<Keys.Public> platform;
    private final Map<String, JsonSchema> schemas;
    private boolean good = true;

    /** What an event was answered, when, why. */
    private record Answer(Event event, String word, List<String> reasons, String at) {}

    private final Map<String, Answer> answers = new HashMap<>();
    private final Map<String, Integer> seen = new HashMap<>();
    private final Map<String, TreeMap<Integer, Event>> waiting = new HashMap<>();
    private final Map<Integer, TreeMap<Long, String>> held = new HashMap<>();
    private final Map<Integer, Long> reached = new HashMap<>();
    private final List<Answer> due = new ArrayList<>();
    /** By where they begin: statements whose end has not come; the last of a place counts. */
    private final Map<String, JsonNode> stated = new TreeMap<>();

    private Main(Map<String, String> given) throws Exception {
        this.given = given;
        keys = Keys.Own.load(Path.of(given("keys")));
        bureaus = Keys.publicKeys(given("bureaus"), true);
        platform = Keys.publicKeys(given("platform"), false);
        schemas = given("schemas").isEmpty() ? null : Event.schemas(given("schemas"));
    }

    /** Reads the words of the command line; exits with 0, 1 or 2. */
    public static void main(String[] words) {
        try {
            var given = new HashMap<String, String>();
            for (int i = 0; i < words.length; i++) {
                String name = words[i].substring(2);
                given.put(name, name.equals("follow") ? "yes" : words[++i]);
            }
            var made = new Main(given);
            made.run();
            System.exit(made.good ? 0 : 1);
        } catch (Exception error) {
            System.err.println("读不了 cannot be read: " + error);
            System.exit(2);
        }
    }

    private String given(String name) {
        return given.getOrDefault(name, "");
    }

    private void say(boolean holds, Object... said) {
        good &= holds;
        OUT.println(new String(Json.write(Json.map(said)), StandardCharsets.UTF_8));
    }

    // --- what is seen --------------------------------------------------------------------------------------------

    private void take(ConsumerRecord<byte[], byte[]> record) {
        int partition = record.partition();
        byte[] value = record.value() == null ? new byte[0] : record.value(); // a tombstone has none
        if (record.topic().equals(given("statements"))) {
            var found = Statements.read(value, keys.receiver(), platform);
            if (found.window() != null) stated.put(begins(found.window()), found.window());
            else say(false, "kind", "statement", "signature", found.signature(), "partition", partition, "offset", record.offset());
            return;
        }
        reached.put(partition, record.offset() + 1);
        Event event;
        try {
            event = Event.read(value, keys.receiver());
        } catch (Event.NotAnEvent error) {
            say(false, "kind", "unreadable", "partition", partition, "offset", record.offset());
            return;
        }
        held.computeIfAbsent(partition, each -> new TreeMap<>()).put(record.offset(), event.id());
        List<String> faults = judge(event);
        String answer = answers.get(event.id()).word();
        if (event.notice()) {
            say(true, "kind", "notice", "id", event.id(), "decision", event.decision(), "version", event.version(),
                    "change", event.change(), "digest", event.digest(), "answer", answer, "why", event.why());
            return;
        }
        if (event.annotation()) {
            say(faults.isEmpty(), "kind", "annotation", "id", event.id(), "decision", event.decision(), "version", event.version(),
                    "change", event.change(), "digest", event.digest(), "answer", answer,
                    "happened", event.row().path("happened").asText(), "cause", event.row().path("cause").asText(),
                    "expected", event.row().path("expected").asText(), "faults", faults);
            return;
        }
        String bureau = Statements.vouched(event, bureaus);
        say(List.of("NONE", "HOLDS").contains(bureau) && faults.isEmpty(),
                "kind", "event", "id", event.id(), "decision", event.decision(), "version", event.version(),
                "change", event.change(), "digest", event.digest(), "answer", answer, "table", event.table(),
                "bureau", bureau, "faults", faults);
    }

    /** Versions in their order, each event once; gives the columns that are at fault. */
    private List<String> judge(Event event) {
        var known = answers.get(event.id());
        if (known != null) {
            due.add(known);
            return List.of();
        }
        if (event.annotation()) { // here a receiver keeps it beside the decision
            List<String> wrong = event.faults(schemas, keys);
            return answer(event, wrong.isEmpty() ? "HELD" : "REJECTED", wrong.stream().map(column -> column + ": structure").toList(), wrong);
        }
        int last = seen.getOrDefault(event.decision(), 0);
        if (event.version() <= last)
            return answer(event, "REJECTED", List.of("已收到第 " + last + " 版 version " + last + " was received before this one"));
        if (event.version() != last + 1 && !(last == 0 && event.followsHistory())) {
            waiting.computeIfAbsent(event.decision(), each -> new TreeMap<>()).put(event.version(), event);
            return answer(event, "WAITING", List.of("等待第 " + (last + 1) + " 版 waits for version " + (last + 1)));
        }
        seen.put(event.decision(), event.version());
        List<String> faults = event.notice() ? List.of() : event.faults(schemas, keys);
        if (event.notice())
            answer(event, "REJECTED", List.of("version " + event.version() + " " + event.change() + " is absent: " + event.why()));
        else if (!faults.isEmpty()) answer(event, "REJECTED", faults.stream().map(column -> column + ": structure").toList());
        else answer(event, "HELD", List.of()); // here a receiver writes the row into its own tables
        release(event.decision());
        return faults;
    }

    private void release(String decision) {
        var later = waiting.getOrDefault(decision, new TreeMap<>());
        while (!later.isEmpty() && later.firstKey() <= seen.get(decision) + 1) {
            Event event = later.pollFirstEntry().getValue();
            answers.remove(event.id());
            judge(event);
        }
    }

    private List<String> answer(Event event, String word, List<String> reasons) {
        return answer(event, word, reasons, List.of());
    }

    private List<String> answer(Event event, String word, List<String> reasons, List<String> faults) {
        var made = new Answer(event, word, reasons, OffsetDateTime.now().toString());
        answers.put(event.id(), made);
        due.add(made);
        return faults;
    }

    // --- what the platform states --------------------------------------------------------------------------------

    private void weighStatements(boolean last) {
        var left = new TreeMap<String, JsonNode>();
        for (JsonNode window : stated.values()) {
            int partition = window.get("partition").intValue();
            boolean ours = window.get("topic").asText().equals(given("topic"));
            boolean behind = (ours ? reached.getOrDefault(partition, 0L) : 0) < window.get("to").longValue();
            if (behind && !last) {
                left.put(begins(window), window);
                continue;
            }
            var there = ours ? held.getOrDefault(partition, new TreeMap<>()) : new TreeMap<Long, String>();
            String agreement = behind ? "BEHIND" : Statements.agrees(window, there) ? "AGREES" : "DIFFERS";
            say(agreement.equals("AGREES"), "kind", "statement", "signature", "HOLDS", "of", partition,
                    "start", window.get("from").longValue(), "end", window.get("to").longValue(),
                    "records", window.get("records").longValue(), "agreement", agreement);
            var foreign = Statements.foreign(window);
            Statements.within(window, there).forEach((offset, id) -> {
                if (foreign.contains(offset)) say(false, "kind", "foreign", "id", id, "partition", partition, "offset", offset);
            });
        }
        stated.clear();
        stated.putAll(left);
    }

    private static String begins(JsonNode window) {
        return window.get("topic").asText() + "/" + window.get("partition") + "/" + window.get("from");
    }

    // --- receipts -------------------------------------------------------------------------------------------------

    private void sendReceipts(KafkaProducer<byte[], byte[]> producer) throws Exception {
        var sent = new ArrayList<Future<RecordMetadata>>();
        String topic = given("answer");
        int partitions = due.isEmpty() ? 0 : producer.partitionsFor(topic).size();
        for (Answer each : due) {
            Event event = each.event();
            String jws = keys.sign("zhitong-receipt+jws", Json.map(
                    "receiver", keys.receiver(), "event_id", event.id(), "answer", each.word(), "at", each.at(),
                    "payload_hash", event.digest(), "reasons", each.reasons()));
            byte[] value = Json.write(Json.map(
                    "specversion", "1.0", "id", Event.uuid5(event.id(), keys.receiver() + "/" + each.word()),
                    "source", "/zhitong/" + given("tenant") + "/receivers/" + keys.receiver(),
                    "type", "cn.zhitong.receipt.v1", "subject", event.id(), "time", each.at(),
                    "datacontenttype", "application/json", "dataschema", "urn:zhitong:schema:receipt:1",
                    "receiver", keys.receiver(), "data", Map.of("jws", jws)));
            var record = new ProducerRecord<>(
                    topic, Event.partition(event.key(), partitions), event.key().getBytes(StandardCharsets.US_ASCII), value);
            record.headers().add("content-type", "application/cloudevents+json".getBytes(StandardCharsets.US_ASCII));
            sent.add(producer.send(record));
        }
        producer.flush();
        for (var each : sent) each.get(); // throws what the broker says
        due.clear();
    }

    // --- reading --------------------------------------------------------------------------------------------------

    private void run() throws Exception {
        boolean follow = given.containsKey("follow");
        var topics = new ArrayList<>(List.of(given("topic")));
        if (!given("statements").isEmpty()) topics.add(given("statements"));
        Properties way = way();
        var producer = given("answer").isEmpty()
                ? null
                : new KafkaProducer<>(way, new ByteArraySerializer(), new ByteArraySerializer());
        way.put("enable.auto.commit", "false");
        try (var consumer = new KafkaConsumer<>(way, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            var places = new ArrayList<TopicPartition>();
            for (String topic : topics)
                consumer.partitionsFor(topic).forEach(each -> places.add(new TopicPartition(topic, each.partition())));
            Map<TopicPartition, Long> ends = consumer.endOffsets(places);
            // Of no group: what keeps nothing has to begin anew each time.
            consumer.assign(places);
            consumer.seekToBeginning(places);
            while (true) {
                for (var record : consumer.poll(Duration.ofMillis(500))) take(record);
                if (follow) weighStatements(false);
                if (producer != null) sendReceipts(producer);
                if (!follow && places.stream().allMatch(each -> consumer.position(each) >= ends.get(each))) break;
            }
        }
        weighStatements(true);
        if (producer != null) producer.close();
    }

    private Properties way() throws Exception {
        var found = new Properties();
        String protocol = given.getOrDefault("protocol", "SASL_SSL");
        found.put("bootstrap.servers", given("bootstrap"));
        found.put("security.protocol", protocol);
        if (protocol.startsWith("SASL")) {
            String mechanism = given.getOrDefault("mechanism", "SCRAM-SHA-512");
            String password = Files.readString(Path.of(given("password-file"))).strip();
            String module = mechanism.startsWith("SCRAM") ? "scram.ScramLoginModule" : "plain.PlainLoginModule";
            found.put("sasl.mechanism", mechanism);
            found.put("sasl.jaas.config", "org.apache.kafka.common.security." + module + " required username="
                    + quoted(given("user")) + " password=" + quoted(password) + ";");
        }
        if (!given("ca").isEmpty()) {
            found.put("ssl.truststore.type", "PEM");
            found.put("ssl.truststore.location", given("ca"));
        }
        return found;
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
