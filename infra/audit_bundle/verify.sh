#!/bin/sh
# 离线核验一份存证 Verify a bundle of evidence, offline.
#
#   sh verify.sh [--operator-key FILE]... [--witness-key FILE]... [--bureau-key FILE]...
#       [--tsa-ca FILE] [FOLDER]
#
# 只用 POSIX sh、openssl 和 coreutils。公钥应由运行方和见证人另行给出（PEM）；没有给出时用包内
# 的，并言明。退出码：0 全部成立，1 有不成立的，2 用法或文件有误，3 其余成立，但此处的 openssl
# 不能核验其中的签名。
# POSIX sh, openssl and coreutils alone. Operator and witness should have told you their
# public keys (PEM); without them those of the bundle are used, and that is said. Exit:
# 0 all holds, 1 something does not, 2 wrong usage or files, 3 the rest holds and this
# openssl cannot check the signatures.

set -u
LC_ALL=C
export LC_ALL

folder=
operators=
witnesses=
bureaus=
authority=
failed=0
unable=0

# Whatever a bundle says of itself moves no cursor.
say() { printf '%s\n' "$*" | tr -d '\001-\011\013-\037\177'; }
holds() { say "成立 holds   $*"; }
fails() {
    say "不成立 FAILS  $*"
    failed=1
}
stop() {
    say "$*" >&2
    exit 2
}

# Bytes from standard input as hexadecimal digits.
hex() { od -An -v -tx1 | tr -d ' \n'; }

# Hexadecimal digits as bytes.
bytes() {
    rest=$1
    octal=
    while [ -n "$rest" ]; do
        behind=${rest#??}
        byte=$((0x${rest%"$behind"}))
        octal="$octal\\0$((byte / 64))$((byte / 8 % 8))$((byte % 8))"
        rest=$behind
    done
    printf '%b' "$octal"
}

is_hex() {
    case $1 in
    *[!0-9a-f]* | '') return 1 ;;
    esac
    [ "${#1}" -eq "$2" ]
}

is_number() {
    case $1 in
    *[!0-9]* | '' | 0[0-9]*) return 1 ;;
    esac
    [ "${#1}" -le 18 ]
}

digest() { openssl dgst "-$1" -binary | hex; }

node() { bytes "01$1$2" | digest "$hash"; }

# The lines of the key in $1; it has one form alone. openssl would pass over what stands
# before a key, base64 over what stands behind one: each would read another key.
key_lines() {
    part=before
    while IFS= read -r line || [ -n "$line" ]; do
        case $part$line in
        'before-----BEGIN PUBLIC KEY-----') part=within ;;
        'within-----END PUBLIC KEY-----') part=behind ;;
        within*[!0-9A-Za-z+/=]* | within) return 1 ;;
        within*) printf '%s\n' "$line" ;;
        *) return 1 ;;
        esac
    done <"$1"
    [ "$part" = behind ]
}

key_der() { key_lines "$1" | base64 -d 2>/dev/null; }

# The key in $1 written anew from the very bytes that it is named by.
key_anew() {
    printf '%s\n' '-----BEGIN PUBLIC KEY-----'
    key_der "$1" | base64
    printf '%s\n' '-----END PUBLIC KEY-----'
}

key_digest() { key_der "$1" | digest sha256; }

# A key is named by the beginning of the digest of its DER.
key_id() {
    found=$(key_digest "$1")
    behind=${found#????????????????}
    printf '%s' "${found%"$behind"}"
}

# Whether $1 is one of the words $2.
among() {
    case " $2 " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

# --- what is asked -------------------------------------------------------------------

while [ $# -gt 0 ]; do
    case $1 in
    --operator-key | --witness-key | --bureau-key)
        [ $# -ge 2 ] && [ -r "$2" ] || stop "读不到公钥 cannot read the key: ${2:-}"
        key_lines "$2" >/dev/null || stop "不是 PEM 公钥 no public key in PEM: $2"
        id=$(key_digest "$2")
        case $1 in
        --operator-key) operators="$operators $id" ;;
        --bureau-key) bureaus="$bureaus $id" ;;
        *) witnesses="$witnesses $id" ;;
        esac
        shift 2
        ;;
    --tsa-ca)
        [ $# -ge 2 ] && [ -r "$2" ] || stop "读不到证书 cannot read the certificate: ${2:-}"
        case $2 in
        /*) authority=$2 ;;
        *) authority=$PWD/$2 ;;
        esac
        shift 2
        ;;
    -*) stop "用法 usage: sh verify.sh [--operator-key FILE] [--witness-key FILE] [--bureau-key FILE] [--tsa-ca FILE] [FOLDER]" ;;
    *)
        [ -z "$folder" ] || stop "只能核验一个目录 one folder at a time: $1"
        folder=$1
        shift
        ;;
    esac
done
command -v openssl >/dev/null || stop "没有 openssl / openssl is missing"
cd "${folder:-.}" 2>/dev/null || stop "没有目录 no such folder: $folder"
[ -f MANIFEST ] && [ -f head.note ] || stop "这里没有存证 no evidence is here: ${folder:-.}"
scratch=$(mktemp) || stop "不能写临时文件 no place for a temporary file"
anew=$(mktemp) || stop "不能写临时文件 no place for a temporary file"
drawn=$(mktemp) || stop "不能写临时文件 no place for a temporary file"
trap 'rm -f "$scratch" "$anew" "$drawn"' EXIT

# --- the files -----------------------------------------------------------------------

listed=/
count=0
while read -r sum name more; do
    case $name in
    */* | '' | MANIFEST) fails "清单 MANIFEST: $name" && continue ;;
    esac
    [ -z "$more" ] && is_hex "$sum" 64 || fails "清单 MANIFEST: $name"
    case $listed in
    *"/$name/"*) fails "清单重复 listed twice: $name" ;;
    esac
    listed="$listed$name/"
    # What nothing here looks at would pass for proved.
    case $name in
    README.txt | verify.sh | head.note | head.tsr | head.*.sig | key.*.pem) ;;
    witness.*.sig | witness.*.seen | leaf.*.body) ;;
    leaf.*.proof | leaf.*.content | leaf.*.signed) [ -f "${name%.*}.body" ] || fails "没有叶 no leaf: $name" ;;
    *) fails "不是存证的文件 no file of any evidence: $name" ;;
    esac
    count=$((count + 1))
    if ! [ -f "$name" ]; then
        fails "缺少文件 missing: $name"
    elif [ "$(digest sha256 <"$name")" != "$sum" ]; then
        fails "文件已改动 changed: $name"
    fi
done <MANIFEST
for name in * .[!.]* ..?*; do
    [ -e "$name" ] || [ -h "$name" ] || continue
    [ "$name" != MANIFEST ] || continue
    case $listed in
    *"/$name/"*) ;;
    *) fails "清单之外 not in MANIFEST: $name" ;;
    esac
done
[ "$failed" -eq 1 ] || holds "$count 个文件与清单相符 files are as MANIFEST says"

# --- the head ------------------------------------------------------------------------

origin=
hash=
size=
root=
at=
while read -r word value; do
    case $word in
    origin) origin=$value ;;
    hash) hash=$value ;;
    size) size=$value ;;
    root) root=$value ;;
    at) at=$value ;;
    zhitong-head/1 | previous) ;;
    *) fails "树头 head.note: $word" ;;
    esac
done <head.note
case $hash in
sha256 | sm3) ;;
*) stop "树头的杂凑算法不明 the head names no digest known here" ;;
esac
is_number "$size" && is_hex "$root" 64 || stop "树头读不成 the head cannot be read"
say "日志 log $origin: $size 叶 leaves, $at"

# Whether the key $1 (by $2) has signed the text $3 with $4: 0 yes, 1 no, 2 not to be told.
signed() {
    case $2 in
    ecdsa-p256-sha256 | sm2-sm3) ;;
    *) return 1 ;;
    esac
    key_anew "key.$1.pem" >"$anew"
    openssl pkey -pubin -in "$anew" -noout 2>/dev/null || return 2
    case $2 in
    ecdsa-p256-sha256)
        openssl dgst -sha256 -verify "$anew" -signature "$4" "$3" >/dev/null 2>&1
        ;;
    sm2-sm3)
        printf '' | openssl dgst -sm3 >/dev/null 2>&1 || return 2
        openssl pkeyutl -verify -pubin -inkey "$anew" -rawin -digest sm3 \
            -pkeyopt distid:1234567812345678 -sigfile "$4" -in "$3" >/dev/null 2>&1
        ;;
    esac || return 1
}

# Weighs one signature: who, key id, algorithm, text, signature, keys that were given.
weigh() {
    if ! [ -f "key.$2.pem" ]; then
        fails "$1 $2: 没有公钥 its key is missing"
        return
    fi
    if ! key_lines "key.$2.pem" >/dev/null || [ "$(key_id "key.$2.pem")" != "$2" ]; then
        fails "$1 $2: 公钥与密钥号不符 the key is another one"
        return
    fi
    if [ -n "$6" ] && ! among "$(key_digest "key.$2.pem")" "$6"; then
        say "略过 ignored  $1 $2: 不是给出的公钥 none of the keys that were given"
        return
    fi
    signed "$2" "$3" "$4" "$5"
    case $? in
    0)
        holds "$1 $2 ($3)"
        good=$((good + 1))
        ;;
    1) fails "$1 $2 ($3)" ;;
    *)
        say "不能核验 cannot be checked here  $1 $2 ($3)"
        unable=1
        unclear=$((unclear + 1))
        ;;
    esac
}

# Says that somebody's signature is missing, unless it is there and cannot be checked.
wanted() {
    [ "$good" -gt 0 ] || [ "$unclear" -gt 0 ] || fails "没有$1的签名 no signature of $2"
}

good=0
unclear=0
for file in head.*.sig; do
    [ -f "$file" ] || continue
    name=${file#head.}
    name=${name%.sig}
    weigh "运行方签名 operator" "${name%%.*}" "${name#*.}" head.note "$file" "$operators"
done
wanted 运行方 "the operator"

good=0
unclear=0
for file in witness.*.sig; do
    [ -f "$file" ] || continue
    name=${file#witness.}
    name=${name%.sig}
    seen=
    read -r seen <"${file%.sig}.seen" || fails "缺少时间 no time: ${file%.sig}.seen"
    { printf 'zhitong-witness/1\nseen %s\n' "$seen" && cat head.note; } >"$scratch"
    weigh "见证副署 witness" "${name%%.*}" "${name#*.}" "$scratch" "$file" "$witnesses"
done
wanted 见证人 "a witness"

if [ -f head.tsr ] && [ -z "$authority" ]; then
    say "略过 ignored  时间戳：未给出 --tsa-ca timestamp: no --tsa-ca was given"
elif [ -n "$authority" ]; then
    time=$(openssl ts -reply -in head.tsr -text 2>/dev/null | while read -r line; do
        case $line in
        'Time stamp: '*) printf '%s' "${line#Time stamp: }" ;;
        esac
    done)
    if openssl ts -verify -data head.note -in head.tsr -CAfile "$authority" >/dev/null 2>&1; then
        holds "时间戳 timestamp: $time"
    else
        fails "时间戳 timestamp: $time"
    fi
fi

# --- the leaves ----------------------------------------------------------------------

# RFC 9162, 2.1.3.2: the root that the path leads to.
leaf() {
    number=
    of=
    found=$({ printf '\000' && cat "$1.body"; } | digest "$hash")
    place=0
    last=0
    while read -r word value; do
        case $word in
        number)
            [ -z "$number" ] && is_number "$value" || return 1
            number=$value
            place=$value
            ;;
        size)
            [ -z "$of" ] && is_number "$value" || return 1
            of=$value
            last=$((value - 1))
            ;;
        path)
            [ -n "$number" ] && is_hex "$value" 64 && [ "$last" -gt 0 ] || return 1
            if [ $((place % 2)) -eq 1 ] || [ "$place" -eq "$last" ]; then
                found=$(node "$value" "$found")
                while [ $((place % 2)) -eq 0 ] && [ "$place" -gt 0 ]; do
                    place=$((place / 2))
                    last=$((last / 2))
                done
            else
                found=$(node "$found" "$value")
            fi
            place=$((place / 2))
            last=$((last / 2))
            ;;
        *) return 1 ;;
        esac
    done <"$1.proof"
    [ "leaf.$number" = "$1" ] && [ "$of" = "$size" ] && [ "$number" -lt "$size" ] \
        && [ "$last" -eq 0 ] && [ "$found" = "$root" ]
}

# A decision's body names the digest of what was decided. Those of looks and deeds begin
# otherwise, and a deed may name whatever somebody likes.
content() {
    body=$(cat "$1.body")
    [ "${body#'{"at":"'}" != "$body" ] || return 1
    rest=${body#*'"contentHash":"'}
    [ "$rest" != "$body" ] && [ "$(digest sha256 <"$1.content")" = "${rest%%'"'*}" ]
}

# Base64url without padding (RFC 4648) as bytes.
plain() {
    text=$(printf '%s' "$1" | tr '_-' '/+')
    case $((${#text} % 4)) in
    2) text=$text== ;;
    3) text=$text= ;;
    esac
    printf '%s' "$text" | base64 -d 2>/dev/null
}

# A number in hexadecimal as DER has it.
integer() {
    digits=$1
    while :; do
        case $digits in
        00??*) digits=${digits#00} ;;
        *) break ;;
        esac
    done
    case $digits in
    [89a-f]*) digits=00$digits ;;
    esac
    printf '02%02x%s' $((${#digits} / 2)) "$digits"
}

# The text that stands behind the member $2 of the JSON $1; its names are plain.
member() {
    rest=${1#*"\"$2\":\""}
    [ "$rest" != "$1" ] && printf '%s' "${rest%%'"'*}"
}

# The value of the member $2 of the JSON $1, as it is written there; nothing for none.
value() {
    rest=${1#*"\"$2\":"}
    [ "$rest" != "$1" ] || return 0
    case $rest in
    '"'*) ;;
    '['*) printf '%s' "${rest%%']'*}" && return ;;
    *) printf '%s' "${rest%%[,\}]*}" && return ;;
    esac
    rest=${rest#'"'}
    whole=
    while :; do
        part=${rest%%'"'*}
        whole=$whole$part
        rest=${rest#*'"'}
        # A quotation mark behind an odd number of backslashes ends nothing.
        ends=1
        while [ "$part" != "${part%\\}" ]; do
            part=${part%\\}
            ends=$((1 - ends))
        done
        [ "$ends" -eq 0 ] && [ -n "$rest" ] || break
        whole="$whole\""
    done
    printf '%s' "$whole"
}

# An amount in yuan as one in fen.
fen() {
    digits=$(printf '%s' "$1" | tr -d .)
    while [ "$digits" != "${digits#0?}" ]; do
        digits=${digits#0}
    done
    printf '%s' "$digits"
}

# Names in what a bureau signs, and in a decision's content.
names='localId=local_id actType=act subjectCode=subject_code subjectName=subject_name
caseSource=case_source caseNo=case_no inspectionNo=inspection_no matterCode=matter_code
documentNo=document_no documentTitle=document_title decidedOn=decided_on
division=division title=title facts=facts legalBasis=basis result=content
officerCertificates=officers collective=collective counterpartyName=name
counterpartyCode=code registrationNo=registration_no representative=representative
reviewNo=reference reviewedOn=on reviewOpinion=opinion penaltyKinds=kinds
violationType=violation_type licenceAffected=licence_affected procedure=procedure
validTo=valid_to publicityTo=publicity_to hearing=hearing
certificateName=certificate_name certificateNo=certificate_no validFrom=valid_from'

# What the bureau has signed is what was decided; of ID numbers each has digests of its
# own, which do not tell.
same() {
    theirs=$(cat "$1.signed")
    if [ "$2" != RECORDED ]; then
        [ "$(value "$theirs" reason)" = "$(value "$3" reason)" ] || return 1
    fi
    case $2 in
    WITHDRAWN)
        [ "$(value "$theirs" basis)" = "$(value "$3" basis)" ]
        return
        ;;
    CORRECTED) [ $(($(value "$theirs" version) + 1)) = "$(value "$3" version)" ] || return 1 ;;
    esac
    [ -f "$1.content" ] || return 1
    ours=$(cat "$1.content")
    for pair in $names; do
        [ "$(value "$theirs" "${pair%=*}")" = "$(value "$ours" "${pair#*=}")" ] || return 1
    done
    for amount in fine confiscated; do
        [ "$(fen "$(value "$theirs" "$amount")")" = "$(value "$ours" "$amount")" ] || return 1
    done
    # Licence and party both have a kind.
    [ "$(value "$theirs" counterpartyKind)" = "$(value "${ours#*'"party":{'}" kind)" ] || return 1
    licence=${ours#*'"licence":{'}
    [ "$licence" != "$ours" ] || licence=
    [ "$(value "$theirs" licenceKind)" = "$(value "$licence" kind)" ]
}

# What the bureau has signed stands in the leaf's body: it is of that content, and what
# is to be verified is laid out for its key.
statement() {
    body=$(cat "$1.body")
    said=$(member "$body" statement)
    [ "$(member "$body" state)" = HOLDS ] || return 1
    head=${said%%.*}
    rest=${said#*.}
    payload=${rest%%.*}
    raw=$(plain "${rest#*.}" | hex)
    is_hex "$raw" 128 || return 1
    head=$(plain "$head")
    payload=$(plain "$payload")
    case $(member "$head" alg) in
    ES256)
        scheme=ecdsa-p256-sha256
        found="sha-256=:$(openssl dgst -sha256 -binary <"$1.signed" | base64):"
        ;;
    SM2-SM3)
        scheme=sm2-sm3
        found="sm3=:$(openssl dgst -sm3 -binary <"$1.signed" | base64):"
        ;;
    *) return 1 ;;
    esac
    [ "$(member "$payload" content)" = "$found" ] || return 1
    # Another decision's statement, or another version's, is none of this one.
    changed=$(member "$body" change)
    [ "$(member "$payload" decisionId)" = "$(member "$body" decision)" ] || return 1
    [ "$(member "$payload" change)" = "$changed" ] || return 1
    same "$1" "$changed" "$body" || return 1
    signer=$(member "$head" kid)
    is_hex "$signer" 16 || return 1
    half=$(printf '%.64s' "$raw")
    pair=$(integer "$half")$(integer "${raw#"$half"}")
    bytes "$(printf '30%02x%s' $((${#pair} / 2)) "$pair")" >"$drawn"
    printf '%s' "${said%.*}" >"$scratch"
}

leaves=0
bureau=
for file in leaf.*.body; do
    [ -f "$file" ] || continue
    name=${file%.body}
    leaves=$((leaves + 1))
    if [ -f "$name.proof" ] && leaf "$name"; then
        holds "第 ${name#leaf.} 叶在树中 leaf ${name#leaf.} is in the tree"
    else
        fails "第 ${name#leaf.} 叶 leaf ${name#leaf.}"
    fi
    if ! [ -f "$name.content" ]; then
        :
    elif content "$name"; then
        holds "第 ${name#leaf.} 叶的决定内容 what leaf ${name#leaf.} decided"
    else
        fails "第 ${name#leaf.} 叶的决定内容 what leaf ${name#leaf.} decided"
    fi
    [ -f "$name.signed" ] || continue
    if statement "$name"; then
        good=0
        unclear=0
        bureau=1
        weigh "决定机关签署 bureau, leaf ${name#leaf.}" "$signer" "$scheme" "$scratch" "$drawn" "$bureaus"
        wanted 决定机关 "the bureau"
    else
        fails "第 ${name#leaf.} 叶的决定机关签署 what the bureau signed, leaf ${name#leaf.}"
    fi
done
[ "$leaves" -gt 0 ] || fails "没有叶 no leaf"

# --- what came of it -----------------------------------------------------------------

if [ -z "$operators" ] || [ -z "$witnesses" ]; then
    say "注意 NOTE: 未给出 --operator-key 或 --witness-key，用的是包内自带的公钥，请另向运行方和见证人索取"
    say "  the keys come from the bundle itself: ask operator and witness for theirs"
fi
if [ -n "$bureau" ] && [ -z "$bureaus" ]; then
    say "注意 NOTE: 未给出 --bureau-key，决定机关的公钥取自包内，请另向该机关索取"
    say "  the bureau's key comes from the bundle itself: ask the bureau for its own"
fi
if [ "$failed" -eq 1 ]; then
    say "结论：不成立 It does not hold."
    exit 1
fi
if [ "$unable" -eq 1 ]; then
    say "结论：其余成立，此处的 openssl 不能核验部分签名 The rest holds; this openssl cannot check some signatures."
    exit 3
fi
say "结论：全部成立 Everything holds."
