package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/pion/srtp/v3"
	"github.com/stretchr/testify/require"
)

// TestMediaEncryptedByAKeyInTheDescription plays a camera that encrypts within the
// connection, as ffmpeg reads it too.
func TestMediaEncryptedByAKeyInTheDescription(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 30)
	f := newFake(t)
	f.sdp = strings.ReplaceAll(f.sdp, "RTP/AVP", "RTP/SAVP")
	f.sdp = strings.ReplaceAll(f.sdp, "a=control:track", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+base64.StdEncoding.EncodeToString(key)+"\r\na=control:track")
	f.media = func(w *wireConn) {
		c, err := srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80)
		if err != nil {
			t.Error(err)
		}
		for track := range 2 {
			for seq := 1; seq <= 5; seq++ {
				b, _ := c.EncryptRTP(nil, []byte(rtpPacket(track, seq)), nil)
				w.write(interleaved(w.channels[track][0], string(b)))
			}
			w.write(interleaved(w.channels[track][0], rtpPacket(track, 6))) // not encrypted
			b, _ := c.EncryptRTCP(nil, []byte(bye(track)), nil)
			w.write(interleaved(w.channels[track][1], string(b)))
		}
	}
	got := play(t, context.Background(), Options{URL: f.url("/cam")})
	require.ErrorContains(t, got.err, "goodbye")
	require.Equal(t, [2][]int{seqs(1, 5), seqs(1, 5)}, got.seqs)
	require.Equal(t, 2, got.malformed)
	require.Contains(t, f.asked("SETUP")[0].header["transport"], "RTP/SAVP/TCP;")

	f.sdp = strings.ReplaceAll(f.sdp, "AES_CM_128", "AES_CM_999")
	got = play(t, context.Background(), Options{URL: f.url("/cam")})
	require.ErrorContains(t, got.err, "encrypted by")
}
