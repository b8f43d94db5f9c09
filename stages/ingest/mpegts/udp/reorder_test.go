package udp

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Packets that come within the wait are passed on in order, whatever the order, losses and repetitions.
func TestPacketsArePassedOnInOrder(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 5))
		var o reorder
		first := uint16(r.Uint32())
		const n = 400
		at := time.Unix(1700000000, 0)
		var got []int
		missing := 0
		pass := func(b []byte, lost int, _ time.Time) error {
			got = append(got, int(binary.BigEndian.Uint32(b)))
			missing += lost
			return nil
		}
		lost := map[int]bool{}
		type arrival struct {
			seq int
			at  time.Duration
		}
		var all []arrival
		for i := range n {
			if i > 0 && r.IntN(20) == 0 {
				lost[i] = true
				continue
			}
			due := time.Duration(i)*5*time.Millisecond + time.Duration(r.IntN(30))*time.Millisecond
			if i == 0 {
				due = 0
			}
			all = append(all, arrival{i, due})
			if r.IntN(10) == 0 {
				all = append(all, arrival{i, due + time.Duration(r.IntN(30))*time.Millisecond})
			}
		}
		slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
		for _, a := range all {
			require.NoError(t, o.packet(first+uint16(a.seq), binary.BigEndian.AppendUint32(nil, uint32(a.seq)), at.Add(a.at), pass))
		}
		require.NoError(t, o.flush(pass))
		var want []int
		behind := 0 // losses behind the newest packet
		for i := range n {
			if !lost[i] {
				want, behind = append(want, i), 0
			} else {
				behind++
			}
		}
		require.Equal(t, want, got, "seed %d", seed)
		require.Equal(t, len(lost)-behind, missing, "seed %d", seed)
	}
}

func TestASenderThatStartsOverIsTakenAtOnce(t *testing.T) {
	var o reorder
	n := 0
	pass := func([]byte, int, time.Time) error { n++; return nil }
	at := time.Unix(1700000000, 0)
	require.NoError(t, o.packet(100, nil, at, pass))
	require.NoError(t, o.packet(40000, nil, at, pass))
	require.NoError(t, o.packet(40001, nil, at, pass))
	require.Equal(t, 3, n)
	require.NoError(t, o.packet(41500, nil, at, pass), "far behind a long loss")
	require.NoError(t, o.look(at.Add(time.Second), pass))
	require.Equal(t, 4, n)
}

// FuzzRTP requires that any sequence of packets is passed on at most once each, with bounded memory.
func FuzzRTP(f *testing.F) {
	f.Add([]byte{0x80, 33, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x47}, []byte{1, 3, 2, 200})
	f.Add([]byte{0xb1, 33, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x47, 1}, []byte{0, 0, 255})
	f.Fuzz(func(t *testing.T, b, steps []byte) {
		if _, _, payload, ok := rtpPayload(b); ok {
			require.LessOrEqual(t, len(payload), len(b))
		}
		begins(b)
		var o reorder
		passed, at, seq := 0, time.Unix(1700000000, 0), uint16(0)
		pass := func([]byte, int, time.Time) error { passed++; return nil }
		for i, s := range steps {
			seq += uint16(int8(s)) * 37
			at = at.Add(time.Duration(s) * time.Millisecond)
			require.NoError(t, o.packet(seq, b, at, pass))
			require.LessOrEqual(t, passed+o.count, i+1)
		}
		require.NoError(t, o.flush(pass))
		require.Zero(t, o.count)
		require.Equal(t, uint64(len(steps)), uint64(passed)+o.twice)
	})
}
