package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/sdes"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/stretchr/testify/require"
)

// TestMediaEncryptedByAKeyInTheDescription plays a camera that encrypts within the connection, as ffmpeg reads it
// too.
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

// sealedTrack returns a track whose packets are encrypted, and the context that encrypts them.
func sealedTrack(t *testing.T) (*track, *srtp.Context) {
	key := bytes.Repeat([]byte{7}, 30)
	c, err := srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80)
	require.NoError(t, err)
	tr := &track{client: &Client{Options: Options{Malformed: func() {}}}}
	tr.sealed, err = newDecryption(&sdes.SDES{Suite: "AES_CM_128_HMAC_SHA1_80", Key: key})
	require.NoError(t, err)
	return tr, c
}

// TestEncryptedReportsOnBothPorts sends reports to both ports, each of which has a goroutine over UDP.
func TestEncryptedReportsOnBothPorts(t *testing.T) {
	const reports = 200
	tr, c := sealedTrack(t)
	var got atomic.Int64
	tr.reports = func(rtcp.Packet) { got.Add(1) }
	var sent [2 * reports][]byte
	for i := range sent {
		b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: uint32(i % 5), NTPTime: uint64(i)}})
		require.NoError(t, err)
		sent[i], err = c.EncryptRTCP(nil, b, nil)
		require.NoError(t, err)
	}
	var ports sync.WaitGroup
	for port := range 2 {
		ports.Go(func() {
			for _, b := range sent[port*reports:][:reports] {
				tr.takeDatagram(b, port == 1, time.Now())
			}
		})
	}
	ports.Wait()
	require.EqualValues(t, len(sent), got.Load())
}

// TestManyEncryptedSenders plays a camera with another SSRC in each packet: it takes no more memory, and its packets
// are read.
func TestManyEncryptedSenders(t *testing.T) {
	tr, c := sealedTrack(t)
	got := 0
	tr.formats[96] = func(*rtp.Packet) { got++ }
	for ssrc := range uint32(10 * maxSSRCs) {
		b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc}, Payload: []byte{1}}).Marshal()
		require.NoError(t, err)
		b, err = c.EncryptRTP(nil, b, nil)
		require.NoError(t, err)
		tr.takeDatagram(b, false, time.Now())
		require.LessOrEqual(t, len(tr.sealed.rtp.ssrcs), maxSSRCs)
	}
	require.Equal(t, 10*maxSSRCs, got)
}
