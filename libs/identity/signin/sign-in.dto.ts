import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { CodePoints } from '#libs/platform/validation/decorators';

/** What a name or a password may be is decided elsewhere; here only how long a text is looked at. */
const NAME_LONGEST = 254;
const PASSWORD_LONGEST = 1_024;
const TOKEN_LONGEST = 65_536;

/** One of the two names is needed. */
export class LoginDto {
  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  username?: string;

  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  email?: string;

  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  password!: string;
}

/** S4's sign-up. */
export class SignupDto {
  @IsString() @CodePoints(1, NAME_LONGEST)
  username!: string;

  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  password!: string;

  @IsOptional() @IsString() @CodePoints(0, NAME_LONGEST)
  full_name?: string;

  @IsOptional() @IsString() @CodePoints(1, NAME_LONGEST)
  email?: string;
}

/** S2's sign-up. */
export class RegisterDto {
  @IsString() @CodePoints(1, NAME_LONGEST)
  name!: string;

  @IsString() @CodePoints(1, NAME_LONGEST)
  email!: string;

  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  password!: string;
}

export class RefreshDto {
  @IsString() @MaxLength(TOKEN_LONGEST)
  refresh_token!: string;
}

export class ForgotPasswordDto {
  @IsString() @CodePoints(1, NAME_LONGEST)
  email!: string;
}

export class ResetPasswordDto {
  @IsString() @MaxLength(TOKEN_LONGEST)
  token!: string;

  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  new_password!: string;

  @IsOptional() @IsString() @CodePoints(1, PASSWORD_LONGEST)
  confirm_password?: string;
}

export class ChangePasswordDto {
  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  current_password!: string;

  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  new_password!: string;

  @IsString() @CodePoints(1, PASSWORD_LONGEST)
  confirm_password!: string;
}

export class ActivityQuery {
  @IsOptional() @IsInt() @Min(1) @Max(200)
  limit?: number;

  @IsOptional() @IsString() @MaxLength(1_000)
  after?: string;
}

/** What the page of the mailed link is asked for. */
export class ResetPageQuery {
  @IsOptional() @IsString() @MaxLength(200) @Matches(/^[\w.-]*$/)
  token?: string;
}
