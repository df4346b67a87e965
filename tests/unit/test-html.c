/* Pages beside what they say. */
#include <string.h>

#include "mime/mime-html.h"

static const struct
{
  const char *html;
  const char *text;
} samples[] = {
  { "", "" },
  { "  \n ", "" },
  { "words", "words\n" },
  { "a  b\n c\td", "a b c d\n" },
  { "<p>one<p>two</p>", "one\n\ntwo\n" },
  { "<div>one</div><div>two<br>three<br><br>four</div>", "one\ntwo\nthree\n\nfour\n" },
  { "<h1>T</h1>text<hr>more", "T\n\ntext\n\nmore\n" },
  { "<b>bo</b>ld <i>x</i>.", "bold x.\n" },
  { "<html><head><title>T</title><style>p { x }</style></head><body>b</body></html>", "b\n" },
  { "a<script>if (1 < 2 && '</p>') x = '<p>';</script>b", "ab\n" },
  { "a<style><!-- p>q { } --></style>b", "ab\n" },
  { "a<!-- <p>no</p> -->b<!doctype html>c<?xml x?>d", "abcd\n" },
  { "<!--[if mso]><p>no</p><![endif]--><![if !mso]>yes<![endif]>", "yes\n" },
  { "a &lt;b&gt; &amp;amp; &quot;&apos;&#39; &eacute;&Eacute; &#233;&#xe9;&#XE9;", "a <b> &amp; \"'' \303\251\303\211 \303\251\303\251\303\251\n" },
  { "a&nbspb &amp c &nope; &; & &#; &#x; &#0; &#99999999999; &#xd800;", "a&nbspb & c &nope; &; & &#; &#x; \357\277\275 \357\277\275 \357\277\275\n" },
  { "&#128;&#147;x&#148; &euro;&hellip;", "\342\202\254\342\200\234x\342\200\235 \342\202\254\342\200\246\n" },
  { "1 < 2 <3 <", "1 < 2 <3 <\n" },
  { "<ul><li>a<li>b<ul><li>c</ul></ul>d", "- a\n- b\n\n- c\n\nd\n" },
  { "<table><tr><td>a</td><td>b</td></tr><tr><th>c<th>d</table>e", "a b\nc d\n\ne\n" },
  { "one<blockquote>two<p>three<blockquote>four</blockquote></blockquote>five", "one\n\n> two\n>\n> three\n>\n>> four\n\nfive\n" },
  { "<pre>a\n  b\n\nc</pre>d", "a\n  b\n\nc\n\nd\n" },
  { "a<img alt='a cat'>b<img alt=\"\"><img src=x>c", "a [a cat] bc\n" },
  { "<a href='https://surel.test/?a=1&amp;b=2'>here</a>, <a href=https://surel.test/>https://surel.test/</a>",
    "here <https://surel.test/?a=1&b=2>, https://surel.test/\n" },
  { "<a href=\"mailto:a@surel.test\">A</a> <a href='javascript:x()'>x</a> <a name=y>y</a>", "A <a@surel.test> x y\n" },
  { "<a href='https://surel.test/\n&gt;x'>y</a>", "y\n" },
  { "<p>x<p><a href='https://surel.test/'>y </a>z<a href='https://surel.test/'></a>", "x\n\ny <https://surel.test/> z\n" },
  { "<a href='https://surel.test/?a=1&copy=2&lt=3'>y</a>", "y <https://surel.test/?a=1&copy=2&lt=3>\n" },
  { "<div style='display : none'>no <div>no</div> no</div>yes<span hidden>no</span>", "yes\n" },
  { "<div style=\"mso-hide:all\">no</div>yes", "yes\n" },
  { "<p style='display:none'>no<p>yes", "yes\n" },
  { "<div style='display:none'>all", "all\n" },
  { "<blockquote style='display:none'>no</blockquote>yes", "yes\n" },
  { "a<svg/>b", "ab\n" },
  { "a<br/>b<BR>c<br clear=all>d", "a\nb\nc\nd\n" },
  { "<p class=\"a>b\">x</p><p title='it's'>y</p>", "x\n\ny\n" },
  { "<p title=\"never ends>x</p>y", "x\n\ny\n" },
  { "<p", "" },
  { "</p></b></blockquote></pre></a>x", "x\n" },
  { "so\302\255ft\342\200\213er\357\273\277", "softer\n" },
  { "<notatagatallbutalongname>x</notatagatallbutalongname>", "x\n" },
  { "<o:p>&nbsp;</o:p>x", " x\n" },
};

static void
test_samples (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      g_autofree char *html = g_strdup (samples[i].html); /* ASan sees what is read behind it */
      g_autofree char *text = surel_mime_html_to_text (html, TRUE);

      g_test_message ("%s", samples[i].html);
      g_assert_cmpstr (text, ==, samples[i].text);
    }
}

static void
test_links_may_be_left_out (void)
{
  g_autofree char *text = surel_mime_html_to_text ("<a href='https://surel.test/'>here</a>", FALSE);

  g_assert_cmpstr (text, ==, "here\n");
}

/* What is nested, or never ends, takes no more than its share of time and of memory. */
static void
test_pages_without_end (void)
{
  static const char *const pieces[] = {
    "<blockquote>", "<div style='display:none'>", "<a b=\"", "<a b='><a b=\">", "<!--", "<script>", "<pre>", "</", "<a ", "&#", "<br>", "<ul><li>",
    "<a href='https://surel.test/'>x", "<p style=", "<a b=\">\"",
  };

  for (guint i = 0; i < G_N_ELEMENTS (pieces); i++)
    {
      g_autoptr (GString) page = g_string_new (NULL);
      g_autofree char *text = NULL;
      gint64 begin = g_get_monotonic_time ();

      while (page->len < 1 << 20)
        g_string_append (page, pieces[i]);
      g_string_append (page, "<a b=\"");
      text = surel_mime_html_to_text (page->str, TRUE);
      g_test_message ("%s: %" G_GINT64_FORMAT " ms, %zu octets", pieces[i], (g_get_monotonic_time () - begin) / 1000, strlen (text));
      g_assert_cmpuint (strlen (text), <, 64 << 20);
      g_assert_cmpint (g_get_monotonic_time () - begin, <, 20 * G_USEC_PER_SEC);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/html/what-pages-say", test_samples);
  g_test_add_func ("/html/links-may-be-left-out", test_links_may_be_left_out);
  g_test_add_func ("/html/pages-without-end", test_pages_without_end);
  return g_test_run ();
}
