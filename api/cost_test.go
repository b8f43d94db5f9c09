package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/pipelinetest"
)

// again returns a text of about n bytes: head, many times part, and tail.
func again(head, part, tail string) func(n int) string {
	return func(n int) string { return head + strings.Repeat(part, n/len(part)+1) + tail }
}

// The memory of a request is proportional to its length, and so is the answer.
func TestTheCostOfARequestIsProportional(t *testing.T) {
	_, s := withDoorbell(t)
	ask := func(method, path string, header http.Header, body string) (int64, int) {
		req := httptest.NewRequest(method, "http://127.0.0.1:8080/mp4/", strings.NewReader(body))
		req.URL.Path, req.URL.RawQuery, _ = strings.Cut(path, "?")
		req.Host, req.RemoteAddr, req.Header = "127.0.0.1:8080", "127.0.0.1:4", header
		rec := httptest.NewRecorder()
		cost := pipelinetest.Allocated(func() { s.ServeHTTP(rec, req) })
		return cost, rec.Body.Len()
	}
	check := func(t *testing.T, n int, method, path string, header func(string) http.Header, text func(n int) string) {
		pipelinetest.Proportional(t, n, 128<<10, func(n int) int64 {
			target, body := path, ""
			if h := text(n); method == "POST" {
				body = h
			} else if header == nil {
				target += h
			}
			var h http.Header
			if header != nil {
				h = header(text(n))
			}
			cost, answered := ask(method, target, h, body)
			require.LessOrEqual(t, answered, 4096+2*n, "the answer")
			return cost
		})
	}
	asBody := func(string) http.Header { return http.Header{"Content-Type": {asJSON}} }
	for name, text := range map[string]func(n int) string{
		"lists in lists":    again(`{"data":`, "[", ""),
		"objects in them":   again(`{"data":{"a":`, `{"a":`, ""),
		"the same key":      again("{", `"key":"a",`, `"key":"b"}`),
		"data twice":        again("{", `"data":{"a":1},`, `"key":"b"}`),
		"a large number":    again(`{"before":`, "9", "}"),
		"a long fraction":   again(`{"before":0.`, "9", "}"),
		"a long text":       again(`{"key":"`, "k", `"}`),
		"escapes":           again(`{"name":"`, `\u0041`, `"}`),
		"an unknown key":    again(`{"`, "k", `":1}`),
		"a list of numbers": again(`{"data":{"a":[`, "1,", "1]}}"),
		"values behind it":  again("{}", "{}", ""),
		"spaces":            again("", " ", "{}"),
		"quotes":            again("", `"`, ""),
	} {
		t.Run("event, "+name, func(t *testing.T) { check(t, 8<<10, "POST", "/mp4/event/x", asBody, text) })
	}
	for name, text := range map[string]func(n int) string{
		"parameters":       again("?", "a=1&", ""),
		"the same one":     again("?", "limit=1&", ""),
		"a long value":     again("?stream=", "a", ""),
		"stars":            again("?stream=", "*a", ""),
		"escapes":          again("?stream=", "%2a", ""),
		"a long number":    again("?limit=", "9", ""),
		"a long cursor":    again("?cursor=", "A", ""),
		"a long time":      again("?start=", "1", ""),
		"an unknown name":  again("?", "a", "=1"),
		"a long file":      again("", "../", ""),
		"a path of digits": again("/", "1", ""),
	} {
		t.Run("query, "+name, func(t *testing.T) { check(t, 3<<10, "GET", "/mp4/records", nil, text) })
	}
	for name, text := range map[string]func(n int) string{
		"Range":             again("bytes=", "0-1,", ""),
		"If-None-Match":     again("", `"a",`, ""),
		"Authorization":     again("Basic ", "QUFB", ""),
		"Cookie":            again("", "a=b; ", ""),
		"Accept":            again("", "a/b;q=0.1,", ""),
		"X-Forwarded-For":   again("", "1.1.1.1, ", ""),
		"X-Forwarded-Proto": again("", "https,", ""),
		"Origin":            again("http://", "a.", ""),
	} {
		t.Run("header, "+name, func(t *testing.T) {
			check(t, 3<<10, "GET", "/mp4/records", func(v string) http.Header { return http.Header{name: {v}} }, text)
		})
	}
}

func TestTheCostOfScrubbingIsProportional(t *testing.T) {
	_, s := withDoorbell(t)
	for name, text := range map[string]func(n int) string{
		"slashes":  again("", "/", ""),
		"paths":    again("", "/a/b", ""),
		"many":     again("", " /a/b/c", ""),
		"schemes":  again("", "a://", "@"),
		"at signs": again("a://", "@", ""),
		"prefixes": again("a", "a", "://b@c"),
	} {
		t.Run(name, func(t *testing.T) {
			pipelinetest.Proportional(t, 8<<10, 64<<10, func(n int) int64 {
				return pipelinetest.Allocated(func() { s.shown.Text(text(n)) })
			})
		})
	}
}
