package dev.unruffled.ktor

import dev.unruffled.core.Fault
import io.ktor.client.network.sockets.ConnectTimeoutException
import io.ktor.client.plugins.HttpRequestTimeoutException
import io.ktor.http.cio.ParserException
import io.ktor.utils.io.ClosedReadChannelException
import okhttp3.internal.http2.ErrorCode
import okhttp3.internal.http2.StreamResetException
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Test
import java.io.IOException
import java.net.ConnectException
import java.net.NoRouteToHostException
import java.net.SocketException
import java.net.SocketTimeoutException
import java.net.UnknownHostException
import java.net.UnknownServiceException
import java.nio.channels.UnresolvedAddressException

/** The faults that exceptions of Ktor's engines become. */
class FaultsTest {
    @Test
    fun `only what happens before anything is sent is unsent`() {
        val table =
            listOf(
                ConnectException("refused") to Fault.UNSENT,
                NoRouteToHostException() to Fault.UNSENT,
                UnknownHostException("x") to Fault.UNSENT,
                UnresolvedAddressException() to Fault.UNSENT,
                StreamResetException(ErrorCode.REFUSED_STREAM) to Fault.UNSENT,
                StreamResetException(ErrorCode.CANCEL) to Fault.LOST,
                ConnectTimeoutException("slow", null) to Fault.CONNECT_TIMEOUT,
                SocketTimeoutException() to Fault.TIMEOUT,
                HttpRequestTimeoutException("x", 1) to Fault.TIMEOUT,
                ClosedReadChannelException(SocketTimeoutException()) to Fault.TIMEOUT,
                ClosedReadChannelException(IOException()) to Fault.LOST,
                SocketException("Connection reset") to Fault.LOST,
                ParserException("no status") to Fault.LOST,
                IllegalStateException("Content-Length mismatch: 2, not 1") to Fault.TRUNCATED,
                UnknownServiceException("clear text") to Fault.REFUSED,
                IllegalArgumentException("a plugin's") to Fault.REFUSED,
            )
        for ((error, fault) in table) assertEquals(fault, broken(error).fault, "$error")
    }

    @Test
    fun `a body that broke off is known by its place, and its error stays`() {
        val error = SocketException("Connection reset")
        val broken = broken(Truncated(error))
        assertEquals(Fault.TRUNCATED, broken.fault)
        assertSame(error, broken.cause)
    }
}
