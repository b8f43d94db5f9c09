package transport

import (
	"cmp"
	"errors"

	"github.com/datarhei/gosrt/crypto"
	"github.com/datarhei/gosrt/packet"
)

// keys decrypts the data of a connection (draft-sharabayko-srt, 6). The sender changes its key while it sends.
type keys struct {
	crypto     crypto.Crypto
	passphrase string
	changedUS  int64 // newest change
}

var (
	errPassphrase = errors.New("the passphrase is wrong")
	errCipher     = errors.New("the cipher is not AES-CTR")
)

const cipherCTR = 2

// newKeys unwraps the keys that the caller of a handshake chose.
func newKeys(km *packet.CIFKeyMaterialExtension, passphrase string) (*keys, error) {
	if km.Cipher != cipherCTR {
		return nil, errCipher
	}
	c, err := crypto.New(int(km.KLen))
	if err != nil {
		return nil, err
	}
	if err := c.UnmarshalKM(km, passphrase); err != nil {
		return nil, errPassphrase
	}
	return &keys{crypto: c, passphrase: passphrase}, nil
}

// keysEveryUS is the least time between two changes of the key: each needs a derivation, which takes long.
const keysEveryUS = 1_000_000

// change takes the next key of the sender, and reports whether it did. The sender asks again until it is answered.
func (k *keys) change(km *packet.CIFKeyMaterialExtension, nowUS int64) bool {
	if k == nil || nowUS < k.changedUS+keysEveryUS || km.Cipher != cipherCTR {
		return false
	}
	k.changedUS = nowUS
	return k.crypto.UnmarshalKM(km, k.passphrase) == nil
}

// decrypt decrypts a packet in place, and reports whether it could. Without keys only a plain packet is right.
func (k *keys) decrypt(p packet.Packet) bool {
	h := p.Header()
	if k == nil {
		return h.KeyBaseEncryptionFlag == packet.UnencryptedPacket
	}
	return k.crypto.EncryptOrDecryptPayload(p.Data(), h.KeyBaseEncryptionFlag, h.PacketSequenceNumber.Val()) == nil
}

// choose makes the keys of a caller. field is the encryption field of the listener, which names the length that it wants.
func (c *call) choose(field uint16) error {
	length := cmp.Or(c.KeyLength, int(field)*8, defaultKeyLength)
	made, err := crypto.New(length)
	if err != nil {
		return err
	}
	c.km = &packet.CIFKeyMaterialExtension{}
	c.keys = &keys{crypto: made, passphrase: c.Passphrase}
	return made.MarshalKM(c.km, c.Passphrase, packet.EvenKeyEncrypted)
}

const defaultKeyLength = 16
