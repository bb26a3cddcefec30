package dev.unruffled

import okhttp3.tls.HandshakeCertificates
import okhttp3.tls.HeldCertificate
import java.net.InetAddress
import java.util.concurrent.TimeUnit

/** Certificates made for a test, and servers that have them. */
internal object Tls {
    private val root: HeldCertificate by lazy { HeldCertificate.Builder().certificateAuthority(0).build() }

    /** The trust in certificates that are signed here. */
    val trusting: HandshakeCertificates by lazy {
        HandshakeCertificates.Builder().addTrustedCertificate(root.certificate).build()
    }

    private val hour = TimeUnit.HOURS.toMillis(1)

    fun good(): HeldCertificate = signed().build()

    fun selfSigned(): HeldCertificate = HeldCertificate.Builder().addSubjectAlternativeName("127.0.0.1").build()

    fun expired(): HeldCertificate =
        System.currentTimeMillis().let { signed().validityInterval(it - 2 * hour, it - hour).build() }

    fun ofAnother(): HeldCertificate = HeldCertificate.Builder().signedBy(
        root,
    ).addSubjectAlternativeName("other.example").build()

    private fun signed() = HeldCertificate.Builder().signedBy(root).addSubjectAlternativeName("127.0.0.1")

    /** Starts a server that answers 200 to clients that accept [certificate]; it counts handshakes as connections. */
    fun server(certificate: HeldCertificate): RawServer {
        val held = HandshakeCertificates.Builder().heldCertificate(certificate).build()
        val sockets = held.sslContext().serverSocketFactory
        return RawServer(sockets.createServerSocket(0, 50, InetAddress.getLoopbackAddress())) { connection ->
            while (connection.request() != null) connection.answer()
        }
    }
}

/** The base URL with `https`. */
internal val RawServer.secure: String get() = base.replace("http:", "https:")
