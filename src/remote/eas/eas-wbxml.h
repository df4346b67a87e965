#pragma once

/* What of WBXML (W3C NOTE-wbxml-19990624) ActiveSync uses (MS-ASWBXML §2.1.2). */
enum
{
  SUREL_WBXML_VERSION = 0x03, /* 1.3 */
  SUREL_WBXML_NO_PUBLIC_ID = 0x01,
  SUREL_WBXML_UTF8 = 0x6a, /* its MIBenum */
  SUREL_WBXML_SWITCH_PAGE = 0x00,
  SUREL_WBXML_END = 0x01,
  SUREL_WBXML_ENTITY = 0x02,
  SUREL_WBXML_STR_I = 0x03,
  SUREL_WBXML_OPAQUE = 0xc3,
  SUREL_WBXML_FIRST_TAG = 0x05,
  SUREL_WBXML_TOKEN = 0x3f, /* these bits of a tag say which one it is */
  SUREL_WBXML_CONTENT = 0x40, /* something is inside of it */
  SUREL_WBXML_ATTRIBUTES = 0x80, /* it has attributes: none does in ActiveSync */
};
