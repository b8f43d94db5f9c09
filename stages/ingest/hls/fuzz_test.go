package hls

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"io"
	"log/slog"
	"os"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
)

// bin is a sink that counts.
type bin struct{ units int }

func (b *bin) unit() *unit { return &unit{} }
func (b *bin) push(u *unit) {
	b.units++
	_ = u.ns()
}
func (b *bin) Lost(string, uint64)            {}
func (b *bin) Repaired(string, uint64)        {}
func (b *bin) LeaveOut([]string)              {}
func (b *bin) Problem(int, *pipeline.Problem) {}
func (b *bin) Timing() hub.Timing             { return hub.Timing{} }

// FuzzSegment requires of segments and initialisation sections that no content has more units than it has room for.
// Package mpegts has the targets for transport streams.
func FuzzSegment(f *testing.F) {
	read := func(name string) []byte {
		b, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		return b
	}
	f.Add(read("init.mp4"), read("segment.m4s"))
	f.Add(read("init.mp4"), read("packed.aac"))
	const tagBytes = 73
	mp3 := append([]byte{0xff, 0xfb, 0x94, 0xc4}, make([]byte, 380)...)
	f.Add(read("init.mp4"), append(read("packed.aac")[:tagBytes:tagBytes], bytes.Repeat(mp3, 3)...))
	log := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, init, segment []byte) {
		b := &bin{}
		fragments := &fragments{to: b, log: log}
		_ = fragments.init(init)
		for _, reader := range []form{fragments, &packedAudio{to: b}} {
			require.NoError(t, reader.begin(&piece{}, false))
			r := bufio.NewReader(bytes.NewReader(segment))
			for i := 0; i <= len(segment) && reader.read(r) == nil; i++ {
			}
			reader.flush(true)
			reader.close()
		}
		require.LessOrEqual(t, b.units, len(segment)+2)
	})
}

// The segments of the corpus have units.
func TestTheCorpusIsRead(t *testing.T) {
	for name, want := range map[string]int{"segment.m4s": 5 + 10, "packed.aac": 6} {
		init, err := os.ReadFile("testdata/init.mp4")
		require.NoError(t, err)
		segment, err := os.ReadFile("testdata/" + name)
		require.NoError(t, err)
		b := &bin{}
		fragments := &fragments{to: b, log: slog.New(slog.DiscardHandler)}
		require.NoError(t, fragments.init(init))
		var reader form = fragments
		if formOf(segment) == isPackedAudio {
			reader = &packedAudio{to: b}
		}
		require.NoError(t, reader.begin(&piece{}, false))
		r := bufio.NewReader(bytes.NewReader(segment))
		for err == nil {
			err = reader.read(r)
		}
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, want, b.units, name)
	}
}

// FuzzDecrypter requires that what was encrypted is decrypted, in reads of any size, and that an end that is missing is
// noticed.
func FuzzDecrypter(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), 20)
	f.Add([]byte{}, 0)
	f.Add(make([]byte, 10000), 5000)
	f.Fuzz(func(t *testing.T, plain []byte, cut int) {
		secret, iv := bytes.Repeat([]byte{7}, keyBytes), [keyBytes]byte{9}
		block, err := aes.NewCipher(secret)
		require.NoError(t, err)
		pad := keyBytes - len(plain)%keyBytes
		sealed := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
		cipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(sealed, sealed)
		for _, from := range []io.Reader{bytes.NewReader(sealed), iotest.OneByteReader(bytes.NewReader(sealed))} {
			d, err := newDecrypter(from, secret, iv)
			require.NoError(t, err)
			got, err := io.ReadAll(d)
			require.NoError(t, err)
			require.True(t, bytes.Equal(plain, got))
		}
		if cut > 0 && cut < len(sealed) && cut%keyBytes != 0 {
			d, err := newDecrypter(bytes.NewReader(sealed[:cut]), secret, iv)
			require.NoError(t, err)
			_, err = io.ReadAll(d)
			require.ErrorIs(t, err, errPadding)
		}
	})
}
