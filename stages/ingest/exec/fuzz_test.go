package exec

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/pipelinetest"
)

func TestCommandsAreSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"ffmpeg -i a -": {"ffmpeg", "-i", "a", "-"}, "  a\t b\n": {"a", "b"}, `a 'b  "c' "d 'e\"\\\n"`: {"a", `b  "c`, `d 'e"\\n`},
		`a b\ c\'`: {"a", "b c'"}, `a ''`: {"a", ""}, `a"b"'c'`: {"abc"}, "a $HOME;`x`|y>z": {"a", "$HOME;`x`|y>z"},
	} {
		words, err := split(line)
		require.NoError(t, err, line)
		require.Equal(t, want, words, line)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add(`a 'b  "c' "d 'e\"\\\n" f\ g`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := split(line)
		if err != nil {
			return
		}
		total := 0
		for _, w := range words {
			require.NotContains(t, w, "\x00")
			total += len(w)
		}
		require.LessOrEqual(t, total, len(line))
		require.NotEmpty(t, words[0])
	})
}

func nals(t testing.TB, pieces [][]byte) (out [][]byte) {
	t.Helper()
	var s byteStream
	keep := func(nal []byte) error { out = append(out, bytes.Clone(nal)); return nil }
	for _, p := range pieces {
		_, err := s.write(p, keep)
		require.NoError(t, err)
	}
	require.NoError(t, s.flush(keep))
	return out
}

// However a byte stream is cut into pieces, its NAL units are the same.
func FuzzByteStream(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x67abc\x00\x00\x01\x68\x00\x00\x03\x01\x00\x00\x00\x00\x01\x65de\x00"), uint64(1))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		whole := nals(t, [][]byte{data})
		random := rand.New(rand.NewPCG(seed, 0))
		var pieces [][]byte
		for rest := data; len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		require.Equal(t, whole, nals(t, pieces))
		for _, nal := range whole {
			require.NotContains(t, string(nal), "\x00\x00\x01")
			require.NotEmpty(t, nal)
		}
	})
}

// A NAL unit without end takes bounded memory, and what follows is taken.
func TestAnEndlessNALUnit(t *testing.T) {
	var s byteStream
	var got [][]byte
	keep := func(nal []byte) error { got = append(got, bytes.Clone(nal)); return nil }
	_, err := s.write([]byte("\x00\x00\x01\x65"), keep)
	require.NoError(t, err)
	piece := bytes.Repeat([]byte{7}, 1<<20)
	for range 40 {
		_, err = s.write(piece, keep)
		require.NoError(t, err)
		require.LessOrEqual(t, cap(s.buf), 4*maxNALBytes)
	}
	require.Empty(t, got)
	n, err := s.write([]byte("\x00\x00\x01\x61ab\x00\x00\x01"), keep)
	require.NoError(t, err)
	require.Equal(t, uint64(1), n)
	require.Equal(t, [][]byte{[]byte("\x61ab")}, got)
}

func TestTheCostOfAByteStreamIsProportional(t *testing.T) {
	for name, part := range map[string]string{"start codes": "\x00\x00\x01", "zeros": "\x00", "units": "\x00\x00\x01ab", "one unit": "a"} {
		pipelinetest.Proportional(t, 1<<16, 64, func(n int) int64 {
			data := append([]byte("\x00\x00\x01"), bytes.Repeat([]byte(part), n/len(part))...)
			return pipelinetest.Allocated(func() {
				var s byteStream
				for len(data) > 0 {
					k := min(len(data), 4096)
					_, _ = s.write(data[:k], func([]byte) error { return nil })
					data = data[k:]
				}
			})
		})
		_ = name
	}
}
