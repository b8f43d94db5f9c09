package transport

import (
	"fmt"

	"github.com/datarhei/gosrt/packet"
)

// Reason is the reason of a rejected handshake: one of libsrt's SRT_REJ_* and SRT_REJX_*.
type Reason uint32

// The reasons that this package and its callers send.
const (
	RejectedResource     Reason = 3
	RejectedRogue        Reason = 4
	RejectedClosing      Reason = 7
	RejectedVersion      Reason = 8
	RejectedPassphrase   Reason = 10 // SRT_REJ_BADSECRET
	RejectedEncryption   Reason = 11 // SRT_REJ_UNSECURE: exactly one side has a passphrase
	RejectedMode         Reason = 12 // SRT_REJ_MESSAGEAPI: a file is offered
	RejectedCongestion   Reason = 13
	RejectedBadRequest   Reason = 1400
	RejectedUnauthorized Reason = 1401
	RejectedOverload     Reason = 1402
	RejectedForbidden    Reason = 1403
	RejectedBadMode      Reason = 1405
	RejectedConflict     Reason = 1409
)

// reasonsBegin is added to a reason in the handshake type: libsrt's URQ_FAILURE_TYPES.
const reasonsBegin = 1000

// reasonOf returns the reason in the type of a handshake, if the handshake is a rejection.
func reasonOf(t packet.HandshakeType) (r Reason, rejected bool) {
	if v := t.Val(); v >= reasonsBegin && v < 1<<31 {
		return Reason(v - reasonsBegin), true
	}
	return 0, false
}

var reasonTexts = map[Reason]string{
	RejectedResource: "it lacks a resource", RejectedRogue: "the handshake is wrong", RejectedClosing: "it closes", RejectedVersion: "the version of SRT is too old",
	RejectedPassphrase: "the passphrase is wrong", RejectedEncryption: "only one side has a passphrase", RejectedMode: "only one side is in live mode",
	RejectedCongestion: "only one side is in live mode", RejectedBadRequest: "the streamid is wrong", RejectedUnauthorized: "the credentials are wrong or missing",
	RejectedOverload: "it has too many connections", RejectedForbidden: "it is forbidden", 1404: "there is no such stream", RejectedBadMode: "the mode in the streamid is not offered",
	RejectedConflict: "the stream is in use",
}

// Error says why the peer rejected the handshake.
func (r Reason) Error() string {
	text := reasonTexts[r]
	if text == "" {
		text = "it gives no reason"
	}
	return fmt.Sprintf("the peer rejects the connection: %s (code %d)", text, uint32(r))
}
