package ingest

import "context"

// Authorizer decides which actions a client of a server may perform. The program hands an Authorizer to each server;
// a nil Authorizer permits every action: observe Authorize.
type Authorizer interface {
	// Authorize returns nil if the client may perform the requested action, and otherwise an error for the log; the
	// server sends the client no details. A call may take long, since it hashes passwords. The context has an error
	// once the client has closed the connection.
	Authorize(ctx context.Context, r AccessRequest) error
}

// AccessRequest is a client's request for an action on a stream.
type AccessRequest struct {
	Protocol    string // the registered name of the server's protocol: rtsp
	Action      Action
	Path        string // path of the stream
	Remote      string // host:port of the client
	Credentials Credentials
}

// Action is an action of a client on a stream.
type Action string

// The actions of clients.
const (
	ActionPublish Action = "publish"
)

// Credentials are the credentials that a client sent. The zero value stands for a request without credentials.
type Credentials struct {
	Name     string
	Password string
	Digest   *Digest // nil: the client sent the password itself
}

// Digest is the response to a challenge, by which a client proves that it knows the password (RFC 7616, 3.4), each
// part as the client wrote it. The server checks that nonce and URI match the challenge and the request. QOP, Count
// and ClientNonce are empty for a client of RFC 2069.
type Digest struct {
	SHA256                  bool // false: MD5
	Name, Realm, Nonce      string
	Method, URI             string
	QOP, Count, ClientNonce string
	Hash                    string // hexadecimal digits
}

// DigestAuthorizer is an Authorizer that can check the responses to challenges.
type DigestAuthorizer interface {
	Authorizer
	Digests() Digests
}

// Digests lists the algorithms that a challenge may offer.
type Digests struct {
	Realm       string
	MD5, SHA256 bool // every user who has a digest has one by this algorithm
	All         bool // every user has a digest
}

// DigestsOf returns the algorithms that the challenges of an Authorizer may offer, and the zero value if the
// Authorizer checks no digests.
func DigestsOf(a Authorizer) Digests {
	if d, is := a.(DigestAuthorizer); is {
		return d.Digests()
	}
	return Digests{}
}

// Authorize calls an Authorizer and returns the user name that it accepted. The name is empty without an Authorizer,
// since no name was checked.
func Authorize(ctx context.Context, a Authorizer, r AccessRequest) (name string, err error) {
	if a == nil {
		return "", nil
	}
	if err := a.Authorize(ctx, r); err != nil {
		return "", err
	}
	return r.Credentials.Name, nil
}
