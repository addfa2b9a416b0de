package cn.zhitong.consumer;

import com.fasterxml.jackson.databind.JsonNode;
import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDHDecrypter;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.KeyUse;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.gm.GMNamedCurves;
import org.bouncycastle.crypto.params.ECDomainParameters;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.params.ParametersWithID;
import org.bouncycastle.crypto.signers.PlainDSAEncoding;
import org.bouncycastle.crypto.signers.SM2Signer;
import org.bouncycastle.crypto.digests.SM3Digest;

/**
 * Keys: the receiver's own, and the public ones of bureaus and of the platform.
 *
 * <p>Algorithms are fixed here and never read from what arrived: ES256, or SM2 with SM3 under the identity
 * 1234567812345678; sealed is ECDH-ES+A256KW with A256GCM.
 */
final class Keys {
    // SPKI of an uncompressed point is these bytes and the point: RFC 5480, GB/T 35276.
    private static final Map<String, String> HEADS = Map.of(
            "3059301306072a8648ce3d020106082a8648ce3d03010703420004", "ES256",
            "3059301306072a8648ce3d020106082a811ccf5501822d03420004", "SM2-SM3");
    private static final byte[] IDENTITY = "1234567812345678".getBytes(StandardCharsets.US_ASCII);

    private Keys() {}

    static String sha256(byte[] bytes) {
        return HexFormat.of().formatHex(digest("SHA-256", bytes));
    }

    static byte[] digest(String algorithm, byte[]... parts) {
        try {
            var found = MessageDigest.getInstance(algorithm);
            for (byte[] each : parts) found.update(each);
            return found.digest();
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }

    /** The receiver's private keys, the newest of each use first. */
    record Own(String receiver, List<ECKey> sealing, List<ECKey> signing) {
        static Own load(Path path) throws IOException, ParseException {
            String text = Files.readString(path);
            var receiver = Json.read(text.getBytes(StandardCharsets.UTF_8)).get("receiver").asText();
            var keys = JWKSet.parse(text).getKeys().stream().map(each -> (ECKey) each).filter(ECKey::isPrivate);
            var all = keys.toList();
            return new Own(
                    receiver,
                    all.stream().filter(each -> KeyUse.ENCRYPTION.equals(each.getKeyUse())).toList(),
                    all.stream().filter(each -> KeyUse.SIGNATURE.equals(each.getKeyUse())).toList());
        }

        /** Opens what was sealed for this receiver; throws where it was not. */
        String unseal(String sealed) throws ParseException, JOSEException {
            var jwe = JWEObject.parse(sealed);
            var header = jwe.getHeader();
            if (!JWEAlgorithm.ECDH_ES_A256KW.equals(header.getAlgorithm())
                    || !EncryptionMethod.A256GCM.equals(header.getEncryptionMethod())) throw new JOSEException("alg");
            for (ECKey key : sealing) {
                if (!key.computeThumbprint().toString().equals(header.getKeyID())) continue;
                jwe.decrypt(new ECDHDecrypter(key));
                return jwe.getPayload().toString();
            }
            throw new JOSEException("kid");
        }

        /** Signs {@code said} as a compact JWS of the type {@code typ}. */
        String sign(String typ, Map<String, Object> said) throws JOSEException {
            ECKey key = signing.get(0);
            var header = new JWSHeader.Builder(JWSAlgorithm.ES256)
                    .keyID(key.computeThumbprint().toString())
                    .type(new JOSEObjectType(typ))
                    .build();
            var jws = new JWSObject(header, new Payload(Json.write(said)));
            jws.sign(new ECDSASigner(key));
            return jws.serialize();
        }
    }

    /** Somebody's public key; {@code owner} is a bureau's credit code, empty: the platform. */
    record Public(String id, String owner, String algorithm, byte[] der) {
        static Public load(Path path, String owner) throws IOException {
            var lines = Files.readString(path).split("-----");
            byte[] der = Base64.getMimeDecoder().decode(lines.length > 2 ? lines[2] : "");
            var head = HexFormat.of().formatHex(der, 0, Math.max(0, der.length - 64));
            if (!HEADS.containsKey(head)) throw new IOException(path + ": P-256, SM2");
            return new Public(sha256(der).substring(0, 16), owner, HEADS.get(head), der);
        }

        /** Says whether this key has signed {@code text}; the signature is r and s, as JOSE has them. */
        boolean verify(byte[] text, byte[] signature) {
            if (signature.length != 64) return false;
            try {
                if (algorithm.equals("SM2-SM3")) return verifySm2(text, signature);
                var key = KeyFactory.getInstance("EC").generatePublic(new X509EncodedKeySpec(der));
                var verifier = Signature.getInstance("SHA256withECDSAinP1363Format");
                verifier.initVerify(key);
                verifier.update(text);
                return verifier.verify(signature);
            } catch (GeneralSecurityException | IllegalArgumentException error) {
                return false;
            }
        }

        private boolean verifySm2(byte[] text, byte[] signature) {
            var curve = GMNamedCurves.getByName("sm2p256v1");
            var domain = new ECDomainParameters(curve.getCurve(), curve.getG(), curve.getN(), BigInteger.ONE);
            byte[] point = Arrays.copyOfRange(der, der.length - 65, der.length);
            var key = new ECPublicKeyParameters(curve.getCurve().decodePoint(point), domain);
            var verifier = new SM2Signer(PlainDSAEncoding.INSTANCE, new SM3Digest());
            verifier.init(false, new ParametersWithID(key, IDENTITY));
            verifier.update(text, 0, text.length);
            return verifier.verifySignature(signature);
        }
    }

    /** Bureaus' keys lie as {@code <credit code>.<anything>.pem}; the platform's own have no owner. */
    static List<Public> publicKeys(String folder, boolean owned) throws IOException {
        var found = new ArrayList<Public>();
        if (folder.isEmpty()) return found;
        try (var files = Files.list(Path.of(folder))) {
            for (Path each : files.sorted().toList()) {
                String name = each.getFileName().toString();
                if (name.endsWith(".pem")) found.add(Public.load(each, owned ? name.substring(0, name.indexOf('.')) : ""));
            }
        }
        return found;
    }

    /** A compact JWS taken apart, its signature not verified. */
    record Token(JsonNode header, JsonNode payload, boolean canonical, byte[] signed, byte[] signature) {
        /** Gives null where it is none. */
        static Token of(String compact) {
            var parts = compact.split("\\.", -1);
            if (parts.length != 3) return null;
            for (String each : parts) if (!each.matches("[\\w-]+")) return null;
            try {
                var decoder = Base64.getUrlDecoder();
                byte[] first = decoder.decode(parts[0]);
                byte[] second = decoder.decode(parts[1]);
                JsonNode header = Json.read(first);
                JsonNode payload = Json.read(second);
                if (!header.isObject() || !payload.isObject()) return null;
                // RFC 8785: written so, nobody reads another thing in it.
                boolean canonical = Arrays.equals(Json.write(header), first) && Arrays.equals(Json.write(payload), second);
                byte[] signed = (parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII);
                return new Token(header, payload, canonical, signed, decoder.decode(parts[2]));
            } catch (IOException | IllegalArgumentException error) {
                return null;
            }
        }
    }
}
